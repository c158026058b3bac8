import { ERRNO } from './errno.ts';
import { type NativePath, systemCallResult } from './libc.ts';
import { SyscallError } from './syscall-error.ts';

type GetCall = (...values: readonly (number | string | Uint8Array | undefined)[]) => number;

const calls = {
  listxattr: systemCallResult('listxattr', 'path', 'pointer', 'ulong'),
  llistxattr: systemCallResult('llistxattr', 'path', 'pointer', 'ulong'),
  flistxattr: systemCallResult('flistxattr', 'descriptor', 'pointer', 'ulong'),
  getxattr: systemCallResult('getxattr', 'path', 'text', 'pointer', 'ulong'),
  lgetxattr: systemCallResult('lgetxattr', 'path', 'text', 'pointer', 'ulong'),
  fgetxattr: systemCallResult('fgetxattr', 'descriptor', 'text', 'pointer', 'ulong'),
  setxattr: systemCallResult('setxattr', 'path', 'text', 'pointer', 'ulong', 'int'),
  lsetxattr: systemCallResult('lsetxattr', 'path', 'text', 'pointer', 'ulong', 'int'),
  fsetxattr: systemCallResult('fsetxattr', 'descriptor', 'text', 'pointer', 'ulong', 'int'),
  removexattr: systemCallResult('removexattr', 'path', 'text'),
  lremovexattr: systemCallResult('lremovexattr', 'path', 'text'),
  fremovexattr: systemCallResult('fremovexattr', 'descriptor', 'text'),
};

/** Whether a final symbolic link is followed. `/proc/self/fd/N` of an O_PATH descriptor needs it. */
export interface FollowOption {
  readonly follow: boolean;
}

const noFollow: FollowOption = { follow: false };

/** Names of a file's extended attributes, sorted; empty where the file system has none. (listxattr(2)) */
export function listXattrs(path: NativePath, options: FollowOption = noFollow): string[] {
  return listWith(options.follow ? 'listxattr' : 'llistxattr', path);
}

/** As listXattrs(), of an open file (not one opened with O_PATH). */
export function flistXattrs(fd: number): string[] {
  return listWith('flistxattr', fd);
}

/** The value of an attribute, or undefined when the file or the file system does not have it. (getxattr(2)) */
export function getXattr(path: NativePath, name: string, options: FollowOption = noFollow): Buffer | undefined {
  return getWith(options.follow ? 'getxattr' : 'lgetxattr', path, name);
}

/** As getXattr(), of an open file (not one opened with O_PATH). */
export function fgetXattr(fd: number, name: string): Buffer | undefined {
  return getWith('fgetxattr', fd, name);
}

/** Sets an attribute, new or not. (setxattr(2)) */
export function setXattr(path: NativePath, name: string, value: Uint8Array, options: FollowOption = noFollow): void {
  setWith(options.follow ? 'setxattr' : 'lsetxattr', path, { name, value });
}

/** As setXattr(), of an open file (not one opened with O_PATH). */
export function fsetXattr(fd: number, name: string, value: Uint8Array): void {
  setWith('fsetxattr', fd, { name, value });
}

/** Removes an attribute; throws ENODATA when there is none. (removexattr(2)) Exported for tests. */
export function removeXattr(path: NativePath, name: string, options: FollowOption = noFollow): void {
  removeWith(options.follow ? 'removexattr' : 'lremovexattr', path, name);
}

/** As removeXattr(), of an open file (not one opened with O_PATH). */
export function fremoveXattr(fd: number, name: string): void {
  removeWith('fremovexattr', fd, name);
}

function listWith(syscall: 'listxattr' | 'llistxattr' | 'flistxattr', file: NativePath | number): string[] {
  const bytes = readGrowing(syscall, [file], describe(file));
  if (bytes === undefined || bytes.length === 0) return [];
  return bytes
    .toString('utf8', 0, bytes.length - 1)
    .split('\0')
    .toSorted();
}

function getWith(syscall: 'getxattr' | 'lgetxattr' | 'fgetxattr', file: NativePath | number, name: string): Buffer | undefined {
  return readGrowing(syscall, [file, name], `${describe(file)} ${name}`);
}

function setWith(
  syscall: 'setxattr' | 'lsetxattr' | 'fsetxattr',
  file: NativePath | number,
  attribute: { readonly name: string; readonly value: Uint8Array },
): void {
  // An empty value still needs a pointer that is not one past the end of nothing.
  const value = attribute.value.length === 0 ? Buffer.alloc(1) : attribute.value;
  check(syscall, calls[syscall](file, attribute.name, value, attribute.value.length, 0), `${describe(file)} ${attribute.name}`);
}

function removeWith(syscall: 'removexattr' | 'lremovexattr' | 'fremovexattr', file: NativePath | number, name: string): void {
  check(syscall, calls[syscall](file, name), `${describe(file)} ${name}`);
}

const firstBuffer = Buffer.allocUnsafeSlow(4096);
/** The kernel's own limit of a value and of a list. (xattr(7)) */
const maximumBytes = 65_536;

/** Reads into a buffer that is made larger on ERANGE. undefined for ENODATA and for a file system without attributes. */
function readGrowing(syscall: keyof typeof calls, values: readonly (NativePath | number)[], subject: string): Buffer | undefined {
  const call: GetCall = calls[syscall];
  let buffer = firstBuffer;
  let length = call(...values, buffer, buffer.length);
  if (length === -ERRNO.ERANGE) {
    buffer = Buffer.allocUnsafeSlow(maximumBytes);
    length = call(...values, buffer, buffer.length);
  }
  if (length === -ERRNO.ENODATA || length === -ERRNO.EOPNOTSUPP) return undefined;
  check(syscall, length, subject);
  return Buffer.from(buffer.subarray(0, length));
}

function check(syscall: string, result: number, subject: string): void {
  if (result < 0) throw new SyscallError(syscall, -result, subject);
}

function describe(file: NativePath | number): string {
  if (typeof file === 'number') {
    return `descriptor ${file}`;
  }
  return typeof file === 'string' ? file : Buffer.from(file).toString('utf8');
}
