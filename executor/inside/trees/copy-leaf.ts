import { fchmodSync, fchownSync } from 'node:fs';
import {
  AT,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../../../native/constants.ts';
import {
  close,
  type FileStatus,
  fchmodat,
  fchownat,
  fstatat,
  mknodat,
  openat,
  readlinkat,
  symlinkat,
  utimensat,
} from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { fgetXattr, flistXattrs, fsetXattr } from '../../../native/xattrs.ts';
import { capabilityXattr } from '../files/capability.ts';
import { copyBytes } from '../files/copy-bytes.ts';
import { type NameInFolder, openNewFile } from '../files/new-file.ts';
import { overlayXattrPrefix } from '../layer/whiteouts.ts';
import { inOne, type TreeTask } from './tree-task.ts';

/**
 * Copies what is no folder to a name that nothing has: bytes (as a clone where the file system can), owner, mode, extended attributes, time to the
 * nanosecond. Each name is opened in its folder, and links are never followed: others may change the tree meanwhile. A device stays behind where
 * none can be made.
 */
export function* copyLeaf(from: NameInFolder, to: NameInFolder): TreeTask {
  const status = fstatat(from.fd, from.name, AT.SYMLINK_NOFOLLOW);
  switch (status.mode & S_IFMT) {
    case S_IFREG:
      yield* copyFile(from, to);
      break;
    case S_IFLNK:
      symlinkat(readlinkat(from.fd, from.name), to.fd, to.name);
      fchownat(to.fd, to.name, status.uid, status.gid, AT.SYMLINK_NOFOLLOW);
      utimensat(to.fd, to.name, { mtimeNs: status.mtimeNs }, AT.SYMLINK_NOFOLLOW);
      break;
    case S_IFIFO:
    case S_IFSOCK:
    case S_IFCHR:
    case S_IFBLK:
      makeNode(to, status);
      break;
  }
}

/** Gives an open file or folder what another one has: owner, mode, extended attributes, time. What marks layers stays behind. */
export function copyOpenAttributes(from: number, to: number): void {
  const { uid, gid, mode, mtimeNs } = fstatat(from, '', AT.EMPTY_PATH);
  // chown(2) clears set-id bits and capabilities, so the owner comes first.
  fchownSync(to, uid, gid);
  fchmodSync(to, mode & 0o7777);
  copyXattrs(from, to);
  utimensat(to, '', { mtimeNs }, AT.EMPTY_PATH);
}

function* copyFile(from: NameInFolder, to: NameInFolder): TreeTask {
  const source = openat(from.fd, from.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const { mode, size } = fstatat(source, '', AT.EMPTY_PATH);
    if ((mode & S_IFMT) !== S_IFREG) return;
    const target = openNewFile(to);
    try {
      yield* inOne(copyBytes(source, target, size));
      copyOpenAttributes(source, target);
    } finally {
      close(target);
    }
  } finally {
    close(source);
  }
}

/** User namespaces have no devices but those that stand for deletions. (mknod(2)) */
function makeNode({ fd, name }: NameInFolder, status: FileStatus): void {
  try {
    mknodat(fd, name, (status.mode & S_IFMT) | 0o600, status.rdevMajor, status.rdevMinor);
  } catch (error) {
    if (isSyscallError(error, 'EPERM')) return;
    throw error;
  }
  fchownat(fd, name, status.uid, status.gid, AT.SYMLINK_NOFOLLOW);
  fchmodat(fd, name, status.mode & 0o7777);
  utimensat(fd, name, { mtimeNs: status.mtimeNs }, AT.SYMLINK_NOFOLLOW);
}

/** Those of security modules come with the file system. */
function copyXattrs(from: number, to: number): void {
  for (const name of flistXattrs(from)) {
    const isContent = name === capabilityXattr || (name.startsWith('user.') && !name.startsWith(overlayXattrPrefix));
    const value = isContent ? fgetXattr(from, name) : undefined;
    if (value !== undefined) fsetXattr(to, name, value);
  }
}
