import { ERRNO } from '../errno.ts';
import { SyscallError } from '../syscall-error.ts';
import { PlacedMemory } from './placed-memory.ts';

/** PATH_MAX of linux/limits.h, the NUL included: paths of a batch are shorter. */
export const pathMax = 4096;
/** Room for each path; longer ones take that of others. */
const usualPath = 256;

/** Paths as C strings behind each other, at places that the kernel can be told. */
export class PathMemory {
  readonly #memory: PlacedMemory;
  /** What was added since clear(), each with a NUL. Written in one go, since a write for each takes most of the time. */
  #text = '';

  /** For about that many paths. */
  constructor(count: number) {
    this.#memory = new PlacedMemory(count * usualPath + pathMax);
  }

  /** True when not every path could be added. */
  get isFull(): boolean {
    return this.#text.length + pathMax > this.#memory.bytes.length;
  }

  /** Adds a path of one character for each byte; gives where write() puts it. @throws SyscallError for what no file can be called */
  add(path: string): number {
    if (path.length >= pathMax || path.includes('\0')) {
      throw new SyscallError('openat2', path.length >= pathMax ? ERRNO.ENAMETOOLONG : ERRNO.EINVAL, path);
    }
    const start = this.#text.length;
    this.#text += `${path}\0`;
    return this.#memory.address + start;
  }

  /** Puts all paths in their places, before the kernel looks at them. */
  write(): void {
    this.#memory.bytes.write(this.#text, 'latin1');
  }

  clear(): void {
    this.#text = '';
  }
}
