import {
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  type Stats,
  symlinkSync,
} from 'node:fs';
import { constants, copyFile } from 'node:fs/promises';
import { AT, AT_FDCWD, S_IFIFO } from '../../../native/constants.ts';
import { fstatat, mknodat, utimensat } from '../../../native/files.ts';
import { getXattr, listXattrs, setXattr } from '../../../native/xattrs.ts';
import { Pace } from '../../../registry/oci/pace.ts';

/**
 * Copies what is in a folder into an empty folder, and the folder's own attributes: owners, modes, times, extended attributes, links
 * and hard links. Devices and sockets stay behind. Neither tree may change meanwhile: both belong to the build alone.
 */
export async function cloneTree(from: string, to: string): Promise<void> {
  await copyDirectory(Buffer.from(from), Buffer.from(to), { copied: new Map(), pace: new Pace() });
}

/** Copies of files with several names, by inode. */
type CopiedFiles = Map<number, Buffer>;

/** What goes on over all entries of a copy. */
export interface TreeClone {
  readonly copied: CopiedFiles;
  readonly pace: Pace;
}

async function copyDirectory(from: Buffer, to: Buffer, copying: TreeClone): Promise<void> {
  for (const name of readdirSync(from, { encoding: 'buffer' })) {
    if (copying.pace.isDue()) await copying.pace.turn();
    await cloneEntry(inside(from, name), inside(to, name), copying);
  }
  copyAttributes(from, to, lstatSync(from));
}

/** Copies a file of any kind, or a folder with all that is in it, to a name that does not exist. */
export async function cloneEntry(from: Buffer, to: Buffer, copying: TreeClone): Promise<void> {
  const status = lstatSync(from);
  if (status.isDirectory()) {
    mkdirSync(to);
    await copyDirectory(from, to, copying);
  } else if (status.isFile()) {
    await copyRegular({ from, to, status }, copying.copied);
  } else if (status.isSymbolicLink()) {
    symlinkSync(readlinkSync(from, { encoding: 'buffer' }), to);
    copyAttributes(from, to, status);
  } else if (status.isFIFO()) {
    mknodat(AT_FDCWD, to, S_IFIFO | 0o600);
    copyAttributes(from, to, status);
  }
}

async function copyRegular(
  { from, to, status }: { readonly from: Buffer; readonly to: Buffer; readonly status: Stats },
  copied: CopiedFiles,
): Promise<void> {
  const earlier = copied.get(status.ino);
  if (earlier !== undefined) {
    linkSync(earlier, to);
    return;
  }
  await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  copyAttributes(from, to, status);
  if (status.nlink > 1) copied.set(status.ino, to);
}

/** Owner, mode, extended attributes, time. The owner first: a change of owner clears set-id bits and file capabilities. */
export function copyAttributes(from: Buffer, to: Buffer, status: Stats): void {
  lchownSync(to, status.uid, status.gid);
  if (!status.isSymbolicLink()) {
    chmodSync(to, status.mode & 0o7777);
    for (const name of listXattrs(from)) {
      const value = getXattr(from, name);
      if (
        value !== undefined &&
        (name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.')))
      ) {
        setXattr(to, name, value);
      }
    }
  }
  const { mtimeNs } = fstatat(AT_FDCWD, from, AT.SYMLINK_NOFOLLOW);
  utimensat(AT_FDCWD, to, { mtimeNs }, AT.SYMLINK_NOFOLLOW);
}

function inside(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), name]);
}
