import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { testUsers, type UserKind } from './users.ts';

/** Something of the machine that a test cannot do without. */
export type Requirement =
  | 'root'
  | 'user:subids'
  | 'user:single'
  | 'user-namespaces'
  /** For podman's runtime; root can see to it (see podmanIn()). */
  | 'new-control-groups'
  | `tool:${string}`
  | `device:${string}`;

/** Options for `test()`: skipped, with the reason, when the machine lacks something. In CI a skipped test fails the run. */
export function requires(...requirements: readonly Requirement[]): { readonly skip?: string } {
  const missing = requirements.map(reasonWithout).find((reason) => reason !== undefined);
  return missing === undefined ? {} : { skip: missing };
}

/** True when a program can be found in PATH. */
export function hasTool(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => isExecutable(join(folder, name)));
}

function reasonWithout(requirement: Requirement): string | undefined {
  if (requirement === 'root') return process.getuid?.() === 0 ? undefined : 'needs root';
  if (requirement === 'new-control-groups') return hasNewControlGroups() ? undefined : 'needs control groups of version 2';
  if (requirement === 'user-namespaces') return canMakeNamespaces() ? undefined : 'needs user namespaces';
  const [kind = '', name = ''] = requirement.split(/:(.*)/s);
  if (kind === 'tool') return hasTool(name) ? undefined : `needs ${name}`;
  if (kind === 'device') return isReachable(name, constants.R_OK | constants.W_OK) ? undefined : `needs ${name}`;
  const user: UserKind = name === 'subids' ? 'subids' : 'single';
  if (testUsers()[user] !== undefined) return undefined;
  return user === 'subids' ? 'needs a user with subordinate ids' : 'needs a user without subordinate ids';
}

function hasNewControlGroups(): boolean {
  return process.getuid?.() === 0 || isReachable('/sys/fs/cgroup/cgroup.controllers', constants.F_OK);
}

let namespaces: boolean | undefined;

function canMakeNamespaces(): boolean {
  const user = testUsers().subids ?? testUsers().single;
  namespaces ??=
    spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true'], { ...(user && { uid: user.uid, gid: user.gid }) })
      .status === 0;
  return namespaces;
}

function isExecutable(path: string): boolean {
  return isReachable(path, constants.X_OK);
}

function isReachable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
