import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { SyscallError } from '../../native/syscall-error.ts';
import { EnvironmentError } from './errors.ts';
import { findIdHelper, helperPackages, helperTrouble, type IdHelperName, readHelperRights } from './id-helpers.ts';
import { formatIdMap, helperArguments, type IdPlan } from './id-map.ts';

/**
 * Writes the id maps of a process that waits in its new user namespace. Subordinate ids need the setuid programs newuidmap and newgidmap;
 * every other plan is written here.
 *
 * @throws EnvironmentError for them, SyscallError for a refused write. (user_namespaces(7))
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

async function runHelper(name: IdHelperName, args: readonly string[]): Promise<void> {
  const helper = findIdHelper(name, process.env['PATH']);
  if (helper === undefined) {
    throw new EnvironmentError('helper-missing', `Cannot use subordinate ids: ${name} is not installed`, {
      hint: helperPackages.join('; '),
    });
  }
  const problem = await new Promise<string | undefined>((resolve) => {
    execFile(helper.path, args, { encoding: 'utf8' }, (error, _stdout, stderr) => {
      resolve(error === null ? undefined : stderr.trim() || error.message);
    });
  });
  if (problem !== undefined) {
    throw new EnvironmentError('helper-failed', `Cannot use subordinate ids: ${problem}`, {
      hint: helperTrouble(helper, readHelperRights())?.cure ?? rangesHint,
    });
  }
}

const rangesHint =
  'Compare /etc/subuid and /etc/subgid with the ranges in the message; in a container they must lie in its own ids';
