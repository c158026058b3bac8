import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { StoreError } from '../../../cache/files/errors.ts';
import { refusalOf, type StoreOwner } from '../../../cache/folder/store-safety.ts';
import type { HostUser, IdSources } from '../../../executor/host/host-user.ts';
import { currentUser, readIdSources } from '../../../executor/host/host-user.ts';
import { findIdHelper, type IdHelper, type IdHelperName } from '../../../executor/host/id-helpers.ts';
import { readSwitches, type SwitchValues } from '../../../executor/host/kernel-switches.ts';
import { systemReason } from '../../show/system-reason.ts';

/** What the machine says of itself, as text and numbers. Gathering decides nothing. */
export interface MachineFacts {
  readonly user: HostUser;
  readonly ids: IdSources;
  /** `uname -r`. */
  readonly kernel: string;
  /** /proc/self/status. */
  readonly status: string;
  readonly switches: SwitchValues;
  /** /proc/self/attr/apparmor/current. */
  readonly appArmor: string;
  /** Programs by name; undefined: not found in PATH. */
  readonly helpers: Readonly<Record<IdHelperName, IdHelper | undefined>>;
  readonly store: StoreFacts;
  /** Files that containers have: `/.dockerenv`, `/run/.containerenv`. */
  readonly markers: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Mount lines below /proc, which a fresh /proc would uncover. */
  readonly procMounts: readonly string[];
}

/** The store's folder, or where it would be made. */
export interface StoreFacts {
  readonly path: string;
  /** `f_type` of statfs(2). undefined: cannot be asked. */
  readonly type: number | undefined;
  readonly freeBytes: number | undefined;
  /** The message of the error, when the folder cannot be made or written. */
  readonly problem: string | undefined;
  /** What a build would say of it, where it would refuse to use it. */
  readonly refusal?: StoreError | undefined;
}

/** Reads everything. Whatever cannot be read is left out, because that is a finding too. */
export async function gatherFacts(
  storeRoot: string,
  environment: Readonly<Record<string, string | undefined>>,
  owner: StoreOwner = 'self',
): Promise<MachineFacts> {
  const searchPath = environment['PATH'];
  return {
    user: currentUser(),
    ids: readIdSources(),
    kernel: release(),
    status: textOf('/proc/self/status'),
    switches: readSwitches(),
    appArmor: textOf('/proc/self/attr/apparmor/current').trim(),
    helpers: { newuidmap: findIdHelper('newuidmap', searchPath), newgidmap: findIdHelper('newgidmap', searchPath) },
    store: await storeFacts(storeRoot, owner),
    markers: ['/.dockerenv', '/run/.containerenv'].filter((path) => isThere(path)),
    environment,
    procMounts: textOf('/proc/self/mountinfo')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((path) => path.startsWith('/proc/')),
  };
}

// Looking changes nothing: a store that is not there yet is judged by the folder that it would be made in.
async function storeFacts(path: string, owner: StoreOwner): Promise<StoreFacts> {
  const folder = nearestFolder(path);
  try {
    accessSync(folder, constants.W_OK);
    const refusal = await refusalOf(resolve(path), owner);
    const { type, bavail, bsize } = await statfs(folder);
    return { path, type, freeBytes: bavail * bsize, problem: undefined, refusal };
  } catch (error) {
    return { path, type: undefined, freeBytes: undefined, problem: systemReason(error) };
  }
}

/** The folder itself, or the nearest one above it that is there. */
export function nearestFolder(path: string): string {
  const parent = dirname(path);
  return isThere(path) || parent === path ? path : nearestFolder(parent);
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // A folder on the way may not be entered, or is none.
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
