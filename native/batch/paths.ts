import { ERRNO } from '../errno.ts';
import { addressOf } from '../libc.ts';
import { SyscallError } from '../syscall-error.ts';

/** PATH_MAX of linux/limits.h, the NUL included. */
const longestPath = 4096;
/** Room for each path; longer ones take that of others. */
const usualPath = 256;

/** Paths as C strings behind each other, at places that the kernel can be told. */
export class PathMemory {
  readonly #bytes: Buffer;
  readonly #address: number;
  /** What was added since clear(), each with a NUL. Written in one go, since a write for each takes most of the time. */
  #text = '';

  /** For about that many paths. */
  constructor(count: number) {
    // Not from Buffer's pool: while the kernel works with this memory, nothing else may lie in it.
    this.#bytes = Buffer.allocUnsafeSlow(count * usualPath + longestPath);
    // Addresses have 47 or 48 bits, so that numbers hold them.
    this.#address = Number(addressOf(this.#bytes));
  }

  /** True when not every path could be added. */
  get isFull(): boolean {
    return this.#text.length + longestPath > this.#bytes.length;
  }

  /** Adds a path of one character for each byte; gives where write() puts it. Throws SyscallError for what no file can be called. */
  add(path: string): number {
    if (path.length >= longestPath || path.includes('\0')) {
      throw new SyscallError('openat2', path.length >= longestPath ? ERRNO.ENAMETOOLONG : ERRNO.EINVAL, path);
    }
    const start = this.#text.length;
    this.#text += `${path}\0`;
    return this.#address + start;
  }

  /** Puts all paths in their places, before the kernel looks at them. */
  write(): void {
    this.#bytes.write(this.#text, 'latin1');
  }

  clear(): void {
    this.#text = '';
  }
}
