import { AT, O_CLOEXEC, S_IFBLK, S_IFCHR, S_IFMT, S_IFREG, STATX_STATS } from './constants.ts';
import { ERRNO } from './errno.ts';
import { type NativePath, systemCall, systemCallAsync, systemCallResult } from './libc.ts';
import { SyscallError } from './syscall-error.ts';

/** What statx() says of a file. Times are nanoseconds since the epoch. */
export interface FileStatus {
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  readonly ino: bigint;
  readonly dev: bigint;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** When it was made; 0 where the file system does not know. */
  readonly btimeNs: bigint;
}

/** One name of a folder. `type` is one of DT, and DT.UNKNOWN where the file system does not say. */
export interface DirectoryEntry {
  readonly name: Buffer;
  readonly type: number;
}

/** How openat2() opens: O flags, to which O_CLOEXEC is always added, the mode of a new file, and RESOLVE flags. */
export interface OpenHow {
  readonly flags: number;
  readonly mode?: number;
  readonly resolve: number;
}

const calls = {
  openat: systemCall('openat', 'descriptor', 'path', 'int', 'uint'),
  openat2: systemCallResult('openat2', 'descriptor', 'path', 'pointer', 'long'),
  close: systemCallResult('close', 'descriptor'),
  read: systemCall('read', 'descriptor', 'pointer', 'long'),
  write: systemCall('write', 'descriptor', 'pointer', 'long'),
  mkdirat: systemCall('mkdirat', 'descriptor', 'path', 'uint'),
  mknodat: systemCall('mknodat', 'descriptor', 'path', 'uint', 'ulong'),
  symlinkat: systemCall('symlinkat', 'text', 'descriptor', 'path'),
  linkat: systemCall('linkat', 'descriptor', 'path', 'descriptor', 'path', 'int'),
  unlinkat: systemCall('unlinkat', 'descriptor', 'path', 'int'),
  renameat2: systemCall('renameat2', 'descriptor', 'path', 'descriptor', 'path', 'uint'),
  fchownat: systemCall('fchownat', 'descriptor', 'path', 'uint', 'uint', 'int'),
  fchmodat: systemCall('fchmodat', 'descriptor', 'path', 'uint'),
  fchmod: systemCall('fchmod', 'descriptor', 'uint'),
  utimensat: systemCall('utimensat', 'descriptor', 'path', 'pointer', 'int'),
  readlinkat: systemCall('readlinkat', 'descriptor', 'path', 'pointer', 'long'),
  statx: systemCall('statx', 'descriptor', 'path', 'int', 'uint', 'pointer'),
  statxResult: systemCallResult('statx', 'descriptor', 'path', 'int', 'uint', 'pointer'),
  getdents64: systemCall('getdents64', 'descriptor', 'pointer', 'uint'),
  copyFileRange: systemCall('copy_file_range', 'descriptor', 'pointer', 'descriptor', 'pointer', 'ulong', 'uint'),
  ioctl: systemCall('ioctl', 'descriptor', 'ulong', 'long'),
  ftruncate: systemCall('ftruncate', 'descriptor', 'long'),
  lseek: systemCallResult('lseek', 'descriptor', 'long', 'int'),
  fsync: systemCall('fsync', 'descriptor'),
  syncfs: systemCall('syncfs', 'descriptor'),
  syncfsAsync: systemCallAsync('syncfs', 'descriptor'),
  flock: systemCallResult('flock', 'descriptor', 'int'),
  fcntl: systemCall('fcntl', 'descriptor', 'int', 'long'),
  umask: systemCall('umask', 'uint'),
};

/** Opens a file. O_CLOEXEC is always added. (openat(2)) */
export function openat(dirfd: number, path: NativePath, flags: number, mode = 0): number {
  return calls.openat(dirfd, path, flags | O_CLOEXEC, mode);
}

/**
 * Opens a file under rules for the walk (RESOLVE). O_CLOEXEC is always added. EAGAIN, which the kernel gives when a rename elsewhere
 * raced with a walk in a root, is retried some times. (openat2(2))
 */
export function openat2(dirfd: number, path: NativePath, how: OpenHow): number {
  const attributes = encodeOpenHow(how);
  for (let attempt = 1; ; attempt++) {
    const result = calls.openat2(dirfd, path, attributes, attributes.length);
    if (result >= 0) return result;
    if (result !== -ERRNO.EAGAIN || attempt === 32) {
      throw new SyscallError('openat2', -result, typeof path === 'string' ? path : Buffer.from(path).toString());
    }
  }
}

/** A `struct open_how`, with O_CLOEXEC. (openat2(2)) */
export function encodeOpenHow({ flags, mode = 0, resolve }: OpenHow): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(BigInt((flags | O_CLOEXEC) >>> 0), 0);
  bytes.writeBigUInt64LE(BigInt(mode), 8);
  bytes.writeBigUInt64LE(BigInt(resolve), 16);
  return bytes;
}

/** Closes a descriptor. EINTR and delayed write errors still close it on Linux; the latter are thrown. (close(2)) */
export function close(fd: number): void {
  const result = calls.close(fd);
  if (result < 0) {
    throw new SyscallError('close', -result, `descriptor ${fd}`);
  }
}

/** Reads into `buffer` at the file's position; 0 at the end. (read(2)) */
export function read(fd: number, buffer: Uint8Array): number {
  return calls.read(fd, buffer, buffer.length);
}

/** Writes some of `bytes`, and says how many. (write(2)) */
export function write(fd: number, bytes: Uint8Array): number {
  return calls.write(fd, bytes, bytes.length);
}

/** Makes a folder; the mode goes through the umask. (mkdirat(2)) */
export function mkdirat(dirfd: number, path: NativePath, mode: number): void {
  calls.mkdirat(dirfd, path, mode);
}

/** Makes a file, fifo, socket or device, as the type in `mode` says. The numbers count for devices only. (mknodat(2)) */
export function mknodat(dirfd: number, path: NativePath, mode: number, major = 0, minor = 0): void {
  const type = mode & S_IFMT;
  calls.mknodat(dirfd, path, mode, type === S_IFCHR || type === S_IFBLK ? deviceNumber(major, minor) : 0);
}

/** Makes an empty regular file without opening it. */
export function makeFileAt(dirfd: number, path: NativePath, mode: number): void {
  mknodat(dirfd, path, S_IFREG | mode);
}

/** Makes a symbolic link that says `target`. (symlinkat(2)) */
export function symlinkat(target: NativePath, dirfd: number, path: NativePath): void {
  calls.symlinkat(target, dirfd, path);
}

/** Makes a hard link. Flags: AT.SYMLINK_FOLLOW, AT.EMPTY_PATH. (linkat(2)) */
export function linkat(oldDirfd: number, oldPath: NativePath, newDirfd: number, newPath: NativePath, flags = 0): void {
  calls.linkat(oldDirfd, oldPath, newDirfd, newPath, flags);
}

/** Removes a name, or an empty folder with AT.REMOVEDIR. (unlinkat(2)) */
export function unlinkat(dirfd: number, path: NativePath, flags = 0): void {
  calls.unlinkat(dirfd, path, flags);
}

/** Renames. Flags: RENAME. (renameat2(2)) */
export function renameat2(oldDirfd: number, oldPath: NativePath, newDirfd: number, newPath: NativePath, flags = 0): void {
  calls.renameat2(oldDirfd, oldPath, newDirfd, newPath, flags);
}

/** Changes the owner; -1 keeps an id. Flags: AT.SYMLINK_NOFOLLOW, AT.EMPTY_PATH. Clears set-id bits. (fchownat(2)) */
export function fchownat(dirfd: number, path: NativePath, uid: number, gid: number, flags = 0): void {
  calls.fchownat(dirfd, path, uid >>> 0, gid >>> 0, flags);
}

/** Changes the permission bits; follows symbolic links. (fchmodat(2)) */
export function fchmodat(dirfd: number, path: NativePath, mode: number): void {
  calls.fchmodat(dirfd, path, mode);
}

/** Changes the permission bits of an open file (not one opened with O_PATH). (fchmod(2)) */
export function fchmod(fd: number, mode: number): void {
  calls.fchmod(fd, mode);
}

/** Sets times; one that is undefined stays. Flags: AT.SYMLINK_NOFOLLOW, AT.EMPTY_PATH. (utimensat(2)) */
export function utimensat(
  dirfd: number,
  path: NativePath,
  times: { atimeNs?: bigint | undefined; mtimeNs?: bigint | undefined },
  flags = 0,
): void {
  const buffer = Buffer.alloc(32);
  writeTime(buffer, 0, times.atimeNs);
  writeTime(buffer, 16, times.mtimeNs);
  calls.utimensat(dirfd, path, buffer, flags);
}

/** What a symbolic link says, as bytes. The path '' reads the link that `dirfd` itself is (O_PATH | O_NOFOLLOW). (readlinkat(2)) */
export function readlinkat(dirfd: number, path: NativePath): Buffer {
  for (let size = 4096; ; size *= 2) {
    const buffer = Buffer.allocUnsafe(size);
    const length = calls.readlinkat(dirfd, path, buffer, size);
    if (length < size) return Buffer.from(buffer.subarray(0, length));
  }
}

/** The status of a file. Flags: AT.SYMLINK_NOFOLLOW, AT.EMPTY_PATH. Never triggers an automount. (statx(2)) */
export function fstatat(dirfd: number, path: NativePath, flags = 0): FileStatus {
  calls.statx(dirfd, path, flags | AT.NO_AUTOMOUNT, STATX_STATS, statusBuffer);
  return decodeStatus(statusBuffer);
}

/** As fstatat(), and undefined when nothing has that name (ENOENT or ENOTDIR). */
export function fstatatIfExists(dirfd: number, path: NativePath, flags = 0): FileStatus | undefined {
  const result = calls.statxResult(dirfd, path, flags | AT.NO_AUTOMOUNT, STATX_STATS, statusBuffer);
  if (result === -ERRNO.ENOENT || result === -ERRNO.ENOTDIR) return undefined;
  return result === 0 ? decodeStatus(statusBuffer) : fstatat(dirfd, path, flags);
}

/** Copies bytes at the files' positions inside the kernel; may copy fewer, 0 at the end. EXDEV and EINVAL mean "copy it yourself". */
export function copyFileRange(inFd: number, outFd: number, length: number): number {
  return calls.copyFileRange(inFd, undefined, outFd, undefined, length, 0);
}

/** Makes `destFd` share the blocks of `srcFd`. EOPNOTSUPP, EXDEV and EINVAL mean that the file system cannot. (ioctl_ficlone(2)) */
export function ficlone(destFd: number, srcFd: number): void {
  calls.ioctl(destFd, FICLONE, srcFd);
}

/** Sets the length of a file; what is new reads as zeros. (ftruncate(2)) */
export function ftruncate(fd: number, length: number): void {
  calls.ftruncate(fd, length);
}

/** Moves the position. SEEK_DATA gives undefined when only a hole follows (ENXIO). (lseek(2)) */
export function lseek(fd: number, offset: number, whence: number): number | undefined {
  const result = calls.lseek(fd, offset, whence);
  if (result >= 0) return result;
  if (result === -ENXIO) return undefined;
  throw new SyscallError('lseek', -result, `descriptor ${fd}`);
}

/** Writes a file's data and metadata to the disk. Blocks. (fsync(2)) */
export function fsync(fd: number): void {
  calls.fsync(fd);
}

/** Writes everything of the file system that `fd` is on to the disk. Blocks. (syncfs(2)) */
export function syncfs(fd: number): void {
  calls.syncfs(fd);
}

/** As syncfs(), without blocking the event loop. The descriptor must stay open until the promise settles. */
export async function syncfsAsync(fd: number): Promise<void> {
  await calls.syncfsAsync(fd);
}

/** Takes or gives back a lock (LOCK). False when LOCK.NB was given and someone else holds it. (flock(2)) */
export function flock(fd: number, operation: number): boolean {
  const result = calls.flock(fd, operation);
  if (result === -ERRNO.EAGAIN) return false;
  if (result < 0) {
    throw new SyscallError('flock', -result, `descriptor ${fd}`);
  }
  return true;
}

/** fcntl() with a number as argument. (fcntl(2)) */
export function fcntl(fd: number, command: number, argument = 0): number {
  return calls.fcntl(fd, command, argument);
}

/** Sets the mask that new files' modes go through, for the whole process; gives the old one. (umask(2)) */
export function umask(mask: number): number {
  return calls.umask(mask);
}

/** All names in the folder that `fd` is open on, except `.` and `..`, in the order of the file system. (getdents64(2)) */
export function readDirectory(fd: number): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  const buffer = Buffer.allocUnsafe(32_768);
  calls.lseek(fd, 0, 0);
  for (;;) {
    const length = calls.getdents64(fd, buffer, buffer.length);
    if (length === 0) return entries;
    readEntries(buffer.subarray(0, length), entries);
  }
}

/** A device number as mknod() and stat() carry it. (makedev(3)) Exported for tests. */
export function deviceNumber(major: number, minor: number): bigint {
  const high = BigInt(major);
  const low = BigInt(minor);
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

const ENXIO = 6;
const FICLONE = 0x40049409;
const UTIME_OMIT = 0x3ffffffen;
// One buffer for all: calls are synchronous and the values are taken out at once.
const statusBuffer = Buffer.alloc(256);

function writeTime(buffer: Buffer, offset: number, timeNs: bigint | undefined): void {
  if (timeNs === undefined) {
    buffer.writeBigInt64LE(UTIME_OMIT, offset + 8);
    return;
  }
  // Before 1970 the seconds are negative and the nanoseconds still count upwards.
  const nanoseconds = ((timeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  buffer.writeBigInt64LE((timeNs - nanoseconds) / 1_000_000_000n, offset);
  buffer.writeBigInt64LE(nanoseconds, offset + 8);
}

/** What a `struct statx` says. (statx(2)) */
export function decodeStatus(buffer: Buffer): FileStatus {
  return {
    mode: buffer.readUInt16LE(28),
    uid: buffer.readUInt32LE(20),
    gid: buffer.readUInt32LE(24),
    size: Number(buffer.readBigUInt64LE(40)),
    nlink: buffer.readUInt32LE(16),
    ino: buffer.readBigUInt64LE(32),
    dev: deviceNumber(buffer.readUInt32LE(136), buffer.readUInt32LE(140)),
    rdevMajor: buffer.readUInt32LE(128),
    rdevMinor: buffer.readUInt32LE(132),
    mtimeNs: buffer.readBigInt64LE(112) * 1_000_000_000n + BigInt(buffer.readUInt32LE(120)),
    ctimeNs: buffer.readBigInt64LE(96) * 1_000_000_000n + BigInt(buffer.readUInt32LE(104)),
    btimeNs: buffer.readBigInt64LE(80) * 1_000_000_000n + BigInt(buffer.readUInt32LE(88)),
  };
}

function readEntries(bytes: Buffer, entries: DirectoryEntry[]): void {
  for (let offset = 0; offset < bytes.length; ) {
    const length = bytes.readUInt16LE(offset + 16);
    const nameStart = offset + 19;
    const name = Buffer.from(bytes.subarray(nameStart, bytes.indexOf(0, nameStart)));
    if (!isDots(name)) {
      entries.push({ name, type: bytes.readUInt8(offset + 18) });
    }
    offset += length;
  }
}

function isDots(name: Buffer): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}
