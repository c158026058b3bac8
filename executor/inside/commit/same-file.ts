import { readSync } from 'node:fs';
import { AT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, S_IFBLK, S_IFCHR, S_IFLNK, S_IFMT, S_IFREG } from '../../../native/constants.ts';
import { close, type FileStatus, fstatatIfExists, openat, readlinkat } from '../../../native/files.ts';
import { fgetXattr } from '../../../native/xattrs.ts';
import { Pace, type Pause, pause } from '../../../registry/oci/pace.ts';
import { capabilityXattr } from '../files/capability.ts';
import { wholeSeconds } from '../files/file-times.ts';
import type { NameInFolder } from '../files/new-file.ts';

/** A file of the upper layer with the time that it gets. */
export interface ChangedFile extends NameInFolder {
  readonly status: FileStatus;
  readonly mtime: number;
}

/**
 * True when a file in the upper folder is what the layers below hold under the same name: overlayfs copies files up that are only
 * opened for writing, or given the owner they had. The bytes are compared, since times and sizes prove nothing.
 */
export function* isSameFile(upper: ChangedFile, base: NameInFolder): Generator<Pause, boolean, undefined> {
  const below = fstatatIfExists(base.fd, base.name, AT.SYMLINK_NOFOLLOW);
  if (below === undefined || !hasSameStatus(upper, below)) return false;
  switch (upper.status.mode & S_IFMT) {
    case S_IFREG:
      return yield* hasSameContent(upper, base);
    case S_IFLNK:
      return readlinkat(upper.fd, upper.name).equals(readlinkat(base.fd, base.name));
    case S_IFCHR:
    case S_IFBLK:
      return upper.status.rdevMajor === below.rdevMajor && upper.status.rdevMinor === below.rdevMinor;
    default:
      return true;
  }
}

/** True when two folders differ in nothing that a layer holds, times aside. */
export function isSameFolder(upper: FileStatus, below: FileStatus): boolean {
  return upper.mode === below.mode && upper.uid === below.uid && upper.gid === below.gid;
}

function hasSameStatus({ status, mtime }: ChangedFile, below: FileStatus): boolean {
  return isSameFolder(status, below) && status.size === below.size && mtime === wholeSeconds(below.mtimeNs);
}

function* hasSameContent(one: NameInFolder, other: NameInFolder): Generator<Pause, boolean, undefined> {
  const first = openat(one.fd, one.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const second = openat(other.fd, other.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      return hasSameCapability(first, second) && (yield* hasSameBytes(first, second));
    } finally {
      close(second);
    }
  } finally {
    close(first);
  }
}

function hasSameCapability(first: number, second: number): boolean {
  const value = fgetXattr(first, capabilityXattr);
  const other = fgetXattr(second, capabilityXattr);
  return value === undefined || other === undefined ? value === other : value.equals(other);
}

// Shared by all comparisons: none pauses while it needs what is in them.
const firstBuffer = Buffer.allocUnsafeSlow(1 << 17);
const secondBuffer = Buffer.allocUnsafeSlow(1 << 17);

function* hasSameBytes(first: number, second: number): Generator<Pause, boolean, undefined> {
  const pace = new Pace();
  for (;;) {
    if (pace.isDue()) yield pause;
    const length = fill(first, firstBuffer);
    if (fill(second, secondBuffer) !== length || !firstBuffer.subarray(0, length).equals(secondBuffer.subarray(0, length))) {
      return false;
    }
    if (length < firstBuffer.length) return true;
  }
}

function fill(fd: number, buffer: Buffer): number {
  let length = 0;
  for (let read = -1; read !== 0 && length < buffer.length; length += read) {
    read = readSync(fd, buffer, length, buffer.length - length, null);
  }
  return length;
}
