import { FSCONFIG, FSMOUNT_CLOEXEC, FSOPEN_CLOEXEC, OPEN_TREE } from './constants.ts';
import { ERRNO } from './errno.ts';
import { type NativePath, systemCall, systemCallResult } from './libc.ts';
import { SyscallError } from './syscall-error.ts';

/** Arguments of mount(). What is left out is NULL or 0. */
export interface MountArguments {
  readonly source?: NativePath | undefined;
  readonly target: NativePath;
  readonly type?: string | undefined;
  /** MS. */
  readonly flags?: number | undefined;
  /** The file system's own options, comma-separated; at most a page (4,096 bytes with the NUL). */
  readonly data?: NativePath | undefined;
}

const calls = {
  mount: systemCall('mount', 'path', 'path', 'text', 'ulong', 'text'),
  umount2: systemCall('umount2', 'path', 'int'),
  fsopen: systemCall('fsopen', 'path', 'uint'),
  fsconfig: systemCallResult('fsconfig', 'descriptor', 'uint', 'text', 'text', 'int'),
  fsmount: systemCall('fsmount', 'descriptor', 'uint', 'uint'),
  moveMount: systemCall('move_mount', 'descriptor', 'path', 'descriptor', 'path', 'uint'),
  openTree: systemCall('open_tree', 'descriptor', 'path', 'uint'),
  mountSetattr: systemCall('mount_setattr', 'descriptor', 'path', 'uint', 'pointer', 'ulong'),
  read: systemCallResult('read', 'descriptor', 'pointer', 'ulong'),
};

/** Mounts, remounts, binds, or changes propagation. (mount(2)) */
export function mount(options: MountArguments): void {
  calls.mount(options.source, options.target, options.type, options.flags ?? 0, options.data);
}

/** Takes a mount away. Flags: MNT_DETACH, UMOUNT_NOFOLLOW. (umount(2)) */
export function umount2(target: NativePath, flags = 0): void {
  calls.umount2(target, flags);
}

/** Starts to configure a new file system; gives its context, close-on-exec. (fsopen(2)) */
export function fsopen(type: string): number {
  return calls.fsopen(type, FSOPEN_CLOEXEC);
}

/** Sets a parameter of a context to text. (fsconfig(2)) */
export function fsconfigString(fd: number, key: string, value: NativePath): void {
  configure(fd, key, calls.fsconfig(fd, FSCONFIG.SET_STRING, key, value, 0));
}

/** Sets a parameter of a context that has no value. */
export function fsconfigFlag(fd: number, key: string): void {
  configure(fd, key, calls.fsconfig(fd, FSCONFIG.SET_FLAG, key, undefined, 0));
}

/** Makes the file system that the context describes. */
export function fsconfigCreate(fd: number): void {
  configure(fd, 'create', calls.fsconfig(fd, FSCONFIG.CMD_CREATE, undefined, undefined, 0));
}

/** Makes a mount of a context's file system, attached nowhere, close-on-exec. `attributes` is MOUNT_ATTR. (fsmount(2)) */
export function fsmount(fd: number, flags: number = FSMOUNT_CLOEXEC, attributes = 0): number {
  return calls.fsmount(fd, flags, attributes);
}

/** Attaches or moves a mount. Flags: MOVE_MOUNT. (move_mount(2)) */
export function moveMount(fromFd: number, fromPath: NativePath, toFd: number, toPath: NativePath, flags: number): void {
  calls.moveMount(fromFd, fromPath, toFd, toPath, flags);
}

/** Opens a mount, or with OPEN_TREE.CLONE a detached copy of it. OPEN_TREE.CLOEXEC is always added. (open_tree(2)) */
export function openTree(dirfd: number, path: NativePath, flags: number): number {
  return calls.openTree(dirfd, path, flags | OPEN_TREE.CLOEXEC);
}

/** Changes attributes (MOUNT_ATTR) and propagation (MS) of a mount, with AT.RECURSIVE of all below. (mount_setattr(2)) */
export function mountSetattr(
  dirfd: number,
  path: NativePath,
  flags: number,
  attributes: { readonly set?: number; readonly clear?: number; readonly propagation?: number },
): void {
  calls.mountSetattr(dirfd, path, flags, mountAttributes(attributes), 32);
}

/** `struct mount_attr`, also for a tape. */
export function mountAttributes(attributes: {
  readonly set?: number;
  readonly clear?: number;
  readonly propagation?: number;
}): Uint8Array {
  const bytes = Buffer.alloc(32);
  bytes.writeBigUInt64LE(BigInt(attributes.set ?? 0), 0);
  bytes.writeBigUInt64LE(BigInt(attributes.clear ?? 0), 8);
  bytes.writeBigUInt64LE(BigInt(attributes.propagation ?? 0), 16);
  return bytes;
}

/** What the file system said about a context's errors, one message a line; '' when it said nothing. (fsopen(2)) */
function readContextLog(fd: number): string {
  const messages: string[] = [];
  const buffer = Buffer.alloc(4096);
  for (;;) {
    const length = calls.read(fd, buffer, buffer.length);
    if (length <= 0) return messages.join('\n');
    // Each read gives one message: a letter for its weight (e, w, i), a space, the text.
    messages.push(buffer.toString('utf8', 2, length).trimEnd());
  }
}

function configure(fd: number, key: string, result: number): void {
  if (result >= 0) return;
  const log = result === -ERRNO.EBADF ? '' : readContextLog(fd);
  throw new SyscallError('fsconfig', -result, log === '' ? key : `${key} (${log})`);
}
