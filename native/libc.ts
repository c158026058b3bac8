import { readlinkSync } from 'node:fs';
import koffi from 'koffi';
import { ERRNO } from './errno.ts';
import { SyscallError } from './syscall-error.ts';
import { currentArchitecture, type SyscallName, syscallNumber } from './syscall-numbers.ts';

/** A path or name: UTF-8 text or raw bytes, without the final NUL. */
export type NativePath = string | Uint8Array;

/**
 * How an argument is handed to the kernel. `descriptor`, `path` and `text` are C's `int` and `const char *`; they differ from
 * `int` and `pointer` in what an error says: `descriptor` and `path` name the subject, `text` does not.
 */
export type ArgumentType = 'descriptor' | 'path' | 'text' | 'int' | 'uint' | 'long' | 'ulong' | 'pointer';

/** Numbers for numbers, text or bytes for paths, bytes (or an address) for pointers; `undefined` is NULL. */
export type ArgumentValue = number | bigint | string | Uint8Array | undefined;

const nativeTypes: Readonly<Record<ArgumentType, string>> = {
  descriptor: 'int',
  path: 'void *',
  text: 'void *',
  int: 'int',
  uint: 'uint32_t',
  long: 'int64_t',
  ulong: 'uint64_t',
  pointer: 'void *',
};

// The program itself stands for libc, so that glibc and musl are the same to us.
const program = koffi.load(null);
const architecture = currentArchitecture();
const AT_FDCWD = -100;

type NativeFunction = ReturnType<typeof program.func>;

/**
 * Binds one system call. The result calls the kernel directly, by number, so that no version of libc is asked for; EINTR is retried;
 * a negative result throws SyscallError. Buffers need to live only as long as the call.
 */
export function systemCall(
  name: SyscallName,
  ...types: readonly ArgumentType[]
): (...values: readonly ArgumentValue[]) => number {
  const attempt = systemCallResult(name, ...types);
  return (...values) => {
    const result = attempt(...values);
    if (result < 0) throw new SyscallError(name, -result, subjectOf(types, values));
    return result;
  };
}

/** As `systemCall`, but gives the negated errno instead of throwing it: for calls that fail as a matter of course. */
export function systemCallResult(
  name: SyscallName,
  ...types: readonly ArgumentType[]
): (...values: readonly ArgumentValue[]) => number {
  let bound: NativeFunction | undefined;
  const number = syscallNumber(name, architecture);
  const convert = types.map((type) => converterOf(name, type));
  return (...values) => {
    bound ??= bindSyscall(types);
    // A loop, because this is called several times for each file of an image.
    const native: unknown[] = [];
    for (let index = 0; index < convert.length; index++) native.push(convert[index]?.(values[index]));
    // Linux has closed the descriptor when close() says EINTR; a second close() could hit another file's.
    return name === 'close' ? callOnce(bound, number, native) : repeatInterrupted(bound, number, native);
  };
}

/**
 * As `systemCall`, on a thread of libuv's pool: only for calls that block and that depend on nothing of the calling thread (no
 * namespace, id or working directory). Arguments must be numbers.
 */
export function systemCallAsync(
  name: SyscallName,
  ...types: readonly ArgumentType[]
): (...values: readonly number[]) => Promise<number> {
  let bound: NativeFunction | undefined;
  return (...values) => {
    const native = (bound ??= bindSyscall(types));
    return new Promise((resolve, reject) => {
      native.async(syscallNumber(name, architecture), ...values, (error: unknown, result: number) => {
        // koffi keeps the errno of the call for its callback and no longer.
        const errno = koffi.errno();
        if (error !== null && error !== undefined) {
          reject(error);
        } else if (result === -1) {
          reject(new SyscallError(name, errno, subjectOf(types, values)));
        } else {
          resolve(result);
        }
      });
    });
  };
}

/** A function of libc that is no system call. `prototype` is C's; see koffi's documentation of `func()`. */
export function libraryFunction(prototype: string): (...values: readonly unknown[]) => unknown {
  return program.func(prototype);
}

/** A function at an address. `prototype` is C's. */
export function nativeFunction(address: bigint, prototype: string): (...values: readonly unknown[]) => unknown {
  return decodeFunction(address, prototype);
}

/**
 * As nativeFunction(), on a thread of libuv's pool while JavaScript goes on; it must depend on nothing of the calling thread. What its
 * arguments point to must be kept alive until the promise settles.
 */
export function nativeFunctionAsync(address: bigint, prototype: string): (...values: readonly unknown[]) => Promise<unknown> {
  const bound = decodeFunction(address, prototype);
  return (...values) =>
    new Promise((resolve, reject) => {
      bound.async(...values, (error: unknown, result: unknown) => {
        if (error !== null && error !== undefined) {
          reject(error);
        } else {
          resolve(result);
        }
      });
    });
}

function decodeFunction(address: bigint, prototype: string): NativeFunction {
  return koffi.decode(address, prototypes.get(prototype) ?? declare(prototype));
}

/** koffi takes each name once. */
const prototypes = new Map<string, ReturnType<typeof koffi.proto>>();

function declare(prototype: string): ReturnType<typeof koffi.proto> {
  const type = koffi.proto(prototype);
  prototypes.set(prototype, type);
  return type;
}

/** The errno that the last libraryFunction() left. */
export function lastErrno(): number {
  return koffi.errno();
}

/** Where these bytes are in memory. They stay there; the caller keeps the array alive while the address is in use. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}

/** A view of `length` bytes of memory that is not JavaScript's. It must not be used after the memory is unmapped. */
export function viewMemory(address: bigint, length: number): Uint8Array {
  return new Uint8Array(koffi.view(address, length));
}

/** Calls back whenever a descriptor is readable or closed at its other end, until `close` is called. Costs no thread. */
export function watchReadable(fd: number, callback: () => void): { close(): void } {
  return koffi.node.poll(fd, { readable: true, disconnect: true }, callback);
}

/** A path as C wants it: its bytes and a NUL. @throws SyscallError EINVAL when the path itself holds a NUL, which C would cut */
function cString(text: NativePath, syscall: string): Uint8Array {
  const bytes = typeof text === 'string' ? Buffer.from(`${text}\0`, 'utf8') : terminated(text);
  if (bytes.indexOf(0) !== bytes.length - 1) throw new SyscallError(syscall, ERRNO.EINVAL, readable(text));
  return bytes;
}

function terminated(text: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(text.length + 1);
  bytes.set(text);
  bytes[text.length] = 0;
  return bytes;
}

function bindSyscall(types: readonly ArgumentType[]): NativeFunction {
  return program.func('syscall', 'int64_t', ['int64_t', ...types.map((type) => nativeTypes[type])]);
}

function converterOf(syscall: SyscallName, type: ArgumentType): (value: ArgumentValue) => unknown {
  if (type === 'path' || type === 'text') {
    return (value) => (typeof value === 'string' || value instanceof Uint8Array ? cString(value, syscall) : (value ?? null));
  }
  const nothing = type === 'pointer' ? null : 0;
  return (value) => value ?? nothing;
}

function repeatInterrupted(bound: NativeFunction, number: number, values: readonly unknown[]): number {
  for (;;) {
    const result = callOnce(bound, number, values);
    if (result !== -ERRNO.EINTR) return result;
  }
}

function callOnce(bound: NativeFunction, number: number, values: readonly unknown[]): number {
  const result = Number(bound(number, ...values));
  return result === -1 ? -koffi.errno() : result;
}

/** What an error is about: the paths of the call, else its first descriptor. */
function subjectOf(types: readonly ArgumentType[], values: readonly ArgumentValue[]): string {
  const paths: string[] = [];
  let directory: ArgumentValue;
  let first: ArgumentValue;
  for (const [index, type] of types.entries()) {
    const value = values[index];
    if (type === 'descriptor') {
      directory = value;
      first ??= value;
    } else if (type === 'path' && value !== undefined && typeof value !== 'number' && typeof value !== 'bigint') {
      paths.push(locate(directory, readable(value)));
    }
  }
  return paths.length > 0 || typeof first !== 'number' ? paths.join(' -> ') : descriptorName(first);
}

function locate(directory: ArgumentValue, path: string): string {
  if (typeof directory !== 'number' || directory === AT_FDCWD || path.startsWith('/')) return path;
  return path === '' ? descriptorName(directory) : `${descriptorName(directory)}/${path}`;
}

function descriptorName(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // Closed, or /proc is not there: the number is all there is to say.
    return `descriptor ${fd}`;
  }
}

function readable(path: NativePath): string {
  return typeof path === 'string' ? path : Buffer.from(path).toString('utf8');
}
