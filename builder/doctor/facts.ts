import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { release, userInfo } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** What the machine says of itself, as text and numbers. Gathering decides nothing. */
export interface MachineFacts {
  readonly user: { readonly name: string; readonly uid: number; readonly gid: number };
  /** `uname -r`. */
  readonly kernel: string;
  /** /proc/self/status. */
  readonly status: string;
  readonly uidMap: string;
  readonly subuid: string;
  readonly subgid: string;
  /** Name to content of the switches below /proc/sys; a missing one is not there. */
  readonly switches: Readonly<Record<string, string>>;
  /** /proc/self/attr/apparmor/current. */
  readonly appArmor: string;
  /** Programs by name; undefined: not found in PATH. */
  readonly helpers: Readonly<Record<string, HelperFacts | undefined>>;
  readonly store: StoreFacts;
  readonly hasFuseDevice: boolean;
  /** Files that containers have: `/.dockerenv`, `/run/.containerenv`. */
  readonly markers: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Mount lines below /proc, which a fresh /proc would uncover. */
  readonly procMounts: readonly string[];
}

export interface HelperFacts {
  readonly path: string;
  readonly isSetuid: boolean;
}

export interface StoreFacts {
  readonly path: string;
  /** `f_type` of statfs(2). undefined: cannot be asked. */
  readonly type: number | undefined;
  readonly freeBytes: number | undefined;
  /** The message of the error, when the folder cannot be made or written. */
  readonly problem: string | undefined;
}

const switchNames = [
  'kernel/unprivileged_userns_clone',
  'kernel/apparmor_restrict_unprivileged_userns',
  'user/max_user_namespaces',
  'user/max_mnt_namespaces',
] as const;

const helperNames = ['newuidmap', 'newgidmap', 'fuse-overlayfs', 'pasta'] as const;

/** Reads everything. Whatever cannot be read is left out, because that is a finding too. */
export async function gatherFacts(
  storeRoot: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<MachineFacts> {
  const { username, uid, gid } = userInfo();
  const switches = switchNames.map((name) => [name, textOf(`/proc/sys/${name}`).trim()] as const);
  return {
    user: { name: username, uid, gid },
    kernel: release(),
    status: textOf('/proc/self/status'),
    uidMap: textOf('/proc/self/uid_map'),
    subuid: textOf('/etc/subuid'),
    subgid: textOf('/etc/subgid'),
    switches: Object.fromEntries(switches.filter(([, value]) => value !== '')),
    appArmor: textOf('/proc/self/attr/apparmor/current').trim(),
    helpers: Object.fromEntries(helperNames.map((name) => [name, findHelper(name, environment['PATH'])])),
    store: await storeFacts(storeRoot),
    hasFuseDevice: isUsable('/dev/fuse'),
    markers: ['/.dockerenv', '/run/.containerenv'].filter((path) => isThere(path)),
    environment,
    procMounts: textOf('/proc/self/mountinfo')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((path) => path.startsWith('/proc/')),
  };
}

// Looking changes nothing: a store that is not there yet is judged by the folder that it would be made in.
async function storeFacts(path: string): Promise<StoreFacts> {
  const folder = nearestFolder(path);
  try {
    accessSync(folder, constants.W_OK);
    const { type, bavail, bsize } = await statfs(folder);
    return { path, type, freeBytes: bavail * bsize, problem: undefined };
  } catch (error) {
    return { path, type: undefined, freeBytes: undefined, problem: error instanceof Error ? error.message : String(error) };
  }
}

function nearestFolder(path: string): string {
  const parent = dirname(path);
  return isThere(path) || parent === path ? path : nearestFolder(parent);
}

function findHelper(name: string, searched = '/usr/bin:/bin'): HelperFacts | undefined {
  const path = searched
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((candidate) => isThere(candidate));
  if (path === undefined) return undefined;
  return { path, isSetuid: (statSync(path).mode & 0o4000) !== 0 };
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // A folder on the way may not be entered, or is none.
    return false;
  }
}

function isUsable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
