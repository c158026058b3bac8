import { fchmodSync, fchownSync } from 'node:fs';
import {
  AT,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
} from '../../../native/constants.ts';
import { type FileStatus, fchmodat, fchownat, mknodat, openat, symlinkat, utimensat } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { fsetXattr, setXattr } from '../../../native/xattrs.ts';
import { bytesOfPath, type RawPath } from '../../../registry/oci/raw-path.ts';
import { second, setTime } from './file-times.ts';

/** A name in an open folder. Where something is made nothing may have it. */
export interface NameInFolder {
  readonly fd: number;
  readonly name: Uint8Array;
}

/** What a new file is given. */
export interface NewAttributes {
  /** Permission and set-id bits; the umask does not count. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since the epoch. */
  readonly mtime: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** Opens a new, empty file for writing that nobody else can read yet. */
export function openNewFile({ fd, name }: NameInFolder): number {
  return openat(fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}

/** Gives an open file its attributes. False when an extended attribute was refused. */
export function finishFile(fd: number, { mode, uid, gid, mtime, xattrs }: NewAttributes): boolean {
  // chown(2) clears set-id bits and capabilities, so the owner comes first. Writing clears them too.
  fchownSync(fd, uid, gid);
  fchmodSync(fd, mode);
  const areKept = setXattrs(xattrs, (name, value) => fsetXattr(fd, name, value));
  setTime(fd, mtime);
  return areKept;
}

/**
 * What the header of a hard link says of the file that it shares: the last header counts, as for containerd and BuildKit. Only what is
 * different is set, since chown(2) takes capabilities away. False as with finishFile().
 */
export function setSharedAttributes(
  { fd, name }: NameInFolder,
  { mode, uid, gid, mtime, xattrs }: NewAttributes,
  { uid: oldUid, gid: oldGid, mode: oldMode }: FileStatus,
): boolean {
  const isOwned = oldUid === uid && oldGid === gid;
  if (!isOwned) fchownat(fd, name, uid, gid, AT.SYMLINK_NOFOLLOW);
  if ((oldMode & S_IFMT) === S_IFLNK) return true;
  if (!isOwned || (oldMode & 0o7777) !== mode) fchmodat(fd, name, mode);
  const path = Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]);
  const areKept = setXattrs(xattrs, (xattr, value) => setXattr(path, xattr, value));
  utimensat(fd, name, { mtimeNs: BigInt(mtime) * second }, AT.SYMLINK_NOFOLLOW);
  return areKept;
}

/** Sets attributes one by one. False when the file system or the kernel refused one: files are of use without them. */
function setXattrs(xattrs: ReadonlyMap<string, Uint8Array>, set: (name: string, value: Uint8Array) => void): boolean {
  let areKept = true;
  for (const [name, value] of xattrs) {
    try {
      set(name, value);
    } catch (error) {
      if (!isSyscallError(error, 'EOPNOTSUPP', 'EPERM', 'EINVAL', 'E2BIG')) throw error;
      areKept = false;
    }
  }
  return areKept;
}

/** Makes a symbolic link. */
export function placeSymlink({ fd, name }: NameInFolder, attributes: NewAttributes, target: RawPath): void {
  symlinkat(bytesOfPath(target), fd, name);
  fchownat(fd, name, attributes.uid, attributes.gid, AT.SYMLINK_NOFOLLOW);
  utimensat(fd, name, { mtimeNs: BigInt(attributes.mtime) * second }, AT.SYMLINK_NOFOLLOW);
}

/** A pipe or a device. */
export interface SpecialFile {
  readonly type: 'fifo' | 'char' | 'block';
  readonly major: number;
  readonly minor: number;
}

const typeBits = { fifo: S_IFIFO, char: S_IFCHR, block: S_IFBLK } as const;

/** Makes a pipe or a device. False for a device that cannot be made here: user namespaces have none but whiteouts. */
export function placeSpecial(
  { fd, name }: NameInFolder,
  attributes: NewAttributes,
  { type, major, minor }: SpecialFile,
): boolean {
  // A character device 0:0 would mean a deletion.
  if (type === 'char' && major === 0 && minor === 0) return false;
  try {
    mknodat(fd, name, typeBits[type] | 0o600, major, minor);
  } catch (error) {
    if (type !== 'fifo' && isSyscallError(error, 'EPERM')) return false;
    throw error;
  }
  fchownat(fd, name, attributes.uid, attributes.gid, AT.SYMLINK_NOFOLLOW);
  fchmodat(fd, name, attributes.mode);
  utimensat(fd, name, { mtimeNs: BigInt(attributes.mtime) * second }, AT.SYMLINK_NOFOLLOW);
  return true;
}

/** Gives a folder its owner, mode and attributes; the time has to wait until all is in it. False as with finishFile(). */
export function setFolderAttributes(
  { fd, name }: NameInFolder,
  { mode, uid, gid, xattrs }: Omit<NewAttributes, 'mtime'>,
): boolean {
  fchownat(fd, name, uid, gid, AT.SYMLINK_NOFOLLOW);
  fchmodat(fd, name, mode);
  const path = Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]);
  return setXattrs(xattrs, (xattr, value) => setXattr(path, xattr, value));
}
