import { execFile } from 'node:child_process';
import { access, constants, stat, writeFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { SyscallError } from '../../native/syscall-error.ts';
import { getXattr } from '../../native/xattrs.ts';
import { readKernelSwitches } from './diagnose.ts';
import { EnvironmentError } from './errors.ts';
import { formatIdMap, helperArguments, type IdPlan } from './id-map.ts';

/**
 * Writes the id maps of a process that waits in its new user namespace. Subordinate ids need the setuid programs newuidmap and
 * newgidmap; every other plan is written here. Throws EnvironmentError for them, SyscallError for a refused write. (user_namespaces(7))
 */
export async function writeIdMaps(pid: number, plan: IdPlan): Promise<void> {
  if (plan.kind === 'subordinate-ids') {
    const uids = runHelper('newuidmap', [String(pid), ...helperArguments(plan.uids)]);
    const gids = runHelper('newgidmap', [String(pid), ...helperArguments(plan.gids)]);
    gids.catch(() => undefined); // seen below: of two failures always the same one is told
    await uids;
    await gids;
    return;
  }
  if (plan.kind === 'single-id') {
    // Without privilege a gid_map is only accepted when setgroups() can never be used to drop a group.
    await writeMap(pid, 'setgroups', 'deny');
  }
  await writeMap(pid, 'uid_map', formatIdMap(plan.uids));
  await writeMap(pid, 'gid_map', formatIdMap(plan.gids));
}

async function writeMap(pid: number, file: 'setgroups' | 'uid_map' | 'gid_map', text: string): Promise<void> {
  const path = `/proc/${pid}/${file}`;
  try {
    await writeFile(path, text);
  } catch (error) {
    if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') {
      throw new SyscallError('write', -error.errno, path);
    }
    throw error;
  }
}

async function runHelper(name: 'newuidmap' | 'newgidmap', args: readonly string[]): Promise<void> {
  const program = await findProgram(name);
  if (program === undefined) {
    throw new EnvironmentError('helper-missing', `Cannot use subordinate ids: ${name} is not installed`, {
      hint: 'Install it: package "uidmap" on Debian and Ubuntu, "shadow-utils" on Fedora, "shadow-uidmap" on Alpine',
    });
  }
  const problem = await new Promise<string | undefined>((resolve) => {
    execFile(program, args, { encoding: 'utf8' }, (error, _stdout, stderr) => {
      resolve(error === null ? undefined : stderr.trim() || error.message);
    });
  });
  if (problem !== undefined) {
    throw new EnvironmentError('helper-failed', `Cannot use subordinate ids: ${problem}`, { hint: await helperHint(program) });
  }
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(directory, name);
    if (isAbsolute(candidate) && (await isExecutable(candidate))) {
      return candidate;
    }
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    // Not there or not for us: the next folder of PATH may have it.
    return false;
  }
}

async function helperHint(program: string): Promise<string> {
  const { mode } = await stat(program);
  const isPrivileged = (mode & 0o4000) !== 0 || getXattr(program, 'security.capability') !== undefined;
  if (!isPrivileged) {
    return `Run "sudo chmod u+s ${program}": it is neither setuid nor has file capabilities`;
  }
  if (readKernelSwitches().hasNoNewPrivileges) {
    return 'no_new_privs is set, so setuid programs do nothing: with Kubernetes set allowPrivilegeEscalation, with Docker leave out no-new-privileges';
  }
  return 'Compare /etc/subuid and /etc/subgid with the ranges in the message; in a container they must lie in its own ids';
}
