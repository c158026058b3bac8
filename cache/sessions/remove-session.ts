import { closeSync, constants, openSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { isMissing } from '../../registry/oci/thrown.ts';
import { removeTree } from '../files/remove-tree.ts';

/**
 * Removes a session's folder, as far as this user may, from the folder of sessions that is there now: a link in its place is refused
 * (ELOOP). The lock goes last, since without it nobody would take the rest for a session.
 *
 * @throws when files of other ids are left
 */
export function removeSession(sessions: string, name: string): void {
  const fd = openSync(sessions, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const folder = `/proc/self/fd/${fd}/${name}`;
    for (const file of partsOf(folder)) removeTree(path.join(folder, file));
    rmSync(path.join(folder, 'lock'), { force: true });
    rmdirSync(folder);
  } catch (error) {
    if (!isMissing(error)) throw error;
  } finally {
    closeSync(fd);
  }
}

/** What the worker is to remove so that sessions are gone, in that order: names below the folder of sessions. */
export function removalOrder(sessions: string, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const parts = partsOf(path.join(sessions, name)).map((part) => `${name}/${part}`);
    return [...parts, `${name}/lock`, name];
  });
}

function partsOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name !== 'lock');
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
