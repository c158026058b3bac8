import { defaultPath } from '../../../../registry/oci/image-config.ts';
import type { RunAction } from '../../../protocol/actions.ts';
import type { ResolvedUser } from '../../root/users.ts';

/** PATH of a command whose environment has none; docker's. */

/**
 * The environment of a command: what the action says, with PATH and HOME when they are missing. Of several values of a name the last one
 * counts, and is the only one there: which of them a program finds is its own affair. (environ(7))
 */
export function commandEnvironment(action: RunAction, user: ResolvedUser): readonly string[] {
  const missing = [
    ['PATH', defaultPath],
    ['HOME', user.home],
  ].filter(([name]) => !action.env.some((entry) => entry.startsWith(`${name}=`)));
  const all = [...missing.map(([name, value]) => `${name}=${value}`), ...action.env];
  return [...new Map(all.map((entry) => [entry.split('=', 1)[0], entry])).values()];
}

/** The files to try for a program, in order: itself when it has a slash, else one in each folder of PATH. (execvp(3)) */
export function candidatesOf(program: string, environment: readonly string[]): readonly string[] {
  if (program.includes('/')) return [program];
  const path = environment.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? defaultPath;
  // An empty part of PATH is the working directory.
  return path.split(':').map((folder) => `${folder === '' ? '.' : folder}/${program}`);
}
