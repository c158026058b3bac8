import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { AT_FDCWD, MOUNT_ATTR, RENAME } from '../../../../native/constants.ts';
import { renameat2 } from '../../../../native/files.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import type { RunMount } from '../../../protocol/actions.ts';
import { cloneTree } from '../../files/clone-tree.ts';
import { copyDirectoryAttributes } from '../../overlay/rootfs.ts';
import { changeOwner } from '../../root/owner.ts';
import { prepareFrom } from './bind.ts';
import { harmless, type PreparedMount, type Workspace } from './workspace.ts';

type CacheMount = Extract<RunMount, { kind: 'cache' }>;

/**
 * A cache folder, filled first and given its owner and mode when it is new (missing or empty). A part of it is found without leaving it.
 * Refuses with `mount-source` when that part does not exist.
 */
export async function prepareCache(mount: CacheMount, workspace: Workspace): Promise<PreparedMount> {
  mkdirSync(mount.directory, { recursive: true });
  if (readdirSync(mount.directory).length === 0) await fill(mount, workspace);
  const attributes = harmless | (mount.isReadOnly ? MOUNT_ATTR.RDONLY : 0);
  return { ...prepareFrom(mount.directory, mount.path, { target: mount.target, attributes }), isShared: mount.isShared };
}

/** The folder itself stays: another step may have it mounted already. So both do the same, and neither undoes what the other did. */
async function fill(mount: CacheMount, workspace: Workspace): Promise<void> {
  if (mount.initial !== undefined) {
    const from = mount.initial.kind === 'directory' ? mount.initial.path : workspace.tree(mount.initial.lowers);
    await fillFrom(from, mount.directory);
  }
  if (mount.path === '' || mount.path === '/') {
    changeOwner(AT_FDCWD, mount.directory, mount);
    chmodSync(mount.directory, mount.mode);
  }
}

/** Copies beside the folder first, so that what is visible in it is complete. */
async function fillFrom(from: string, directory: string): Promise<void> {
  const temporary = mkdtempSync(`${directory}.new-`);
  try {
    await cloneTree(from, temporary);
    for (const name of readdirSync(temporary, { encoding: 'buffer' })) {
      moveUnlessThere(inside(temporary, name), inside(directory, name));
    }
    copyDirectoryAttributes(temporary, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function moveUnlessThere(from: Buffer, to: Buffer): void {
  try {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME.NOREPLACE);
  } catch (error) {
    if (!isSyscallError(error, 'EEXIST')) throw error;
  }
}

function inside(directory: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), name]);
}
