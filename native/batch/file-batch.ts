import { O_CLOEXEC } from '../constants.ts';
import { addressOf } from '../libc.ts';
import { type ArgumentPlace, SyscallBatch } from './batch.ts';
import { PathMemory } from './paths.ts';

/** How the files of a batch are opened: O and RESOLVE flags. O_CLOEXEC is always added. (openat2(2)) */
export interface OpenHow {
  readonly flags: number;
  readonly resolve: number;
}

/** What a batch has room for. */
export interface BatchSize {
  readonly files: number;
  /** For the content of all of them. */
  readonly contentBytes: number;
}

/** Files of one tree whose beginnings are read together, in the background. */
export class FileBatch {
  /** Where the files are read to; the caller divides it up. Left alone while read() is pending. */
  readonly content: Buffer;
  readonly #calls: SyscallBatch;
  readonly #paths: PathMemory;
  readonly #capacity: number;
  readonly #contentAddress: number;
  #count = 0;

  /** `rootFd` is the root of the tree. It must be open whenever the batch is read. */
  constructor(rootFd: number, how: OpenHow, size: BatchSize) {
    const openHow = encodeHow(how);
    this.#calls = new SyscallBatch(
      [
        { syscall: 'openat2', args: [rootFd, 0, openHow, openHow.length], descriptor: 'gives' },
        { syscall: 'read', args: [], descriptor: 'uses' },
        { syscall: 'close', args: [], descriptor: 'uses' },
      ],
      size.files,
    );
    // Not from Buffer's pool: while the kernel writes to this memory, nothing else may lie in it.
    this.content = Buffer.allocUnsafeSlow(size.contentBytes);
    this.#contentAddress = Number(addressOf(this.content));
    this.#paths = new PathMemory(size.files);
    this.#capacity = size.files;
  }

  /** True when nothing can be added before clear(). */
  get isFull(): boolean {
    return this.#count === this.#capacity || this.#paths.isFull;
  }

  /**
   * Adds a file, of which `length` bytes are wanted at `offset` of the content. `path` is relative to the tree, with one character for
   * each byte. Throws SyscallError for a path that no file can have, RangeError for what there is no room for.
   */
  add(path: string, offset: number, length: number): void {
    if (this.isFull || offset + length > this.content.length) {
      throw new RangeError(`Cannot read ${length} bytes to ${offset} of ${this.content.length} as file ${this.#count}: no room`);
    }
    this.#calls.set(this.#count, openedPath, this.#paths.add(path));
    this.#calls.set(this.#count, readTo, this.#contentAddress + offset);
    this.#calls.set(this.#count, readLength, length);
    this.#count += 1;
  }

  /** Reads the files. Says nothing of single ones: result() does. */
  read(): Promise<void> {
    return this.#calls.playInBackground(this.#count);
  }

  /** How many bytes the file at this index gave: fewer than wanted where it ended or something interrupted; or a negated errno. */
  result(index: number): number {
    const descriptor = this.#calls.result(index, opening);
    return descriptor < 0 ? descriptor : this.#calls.result(index, reading);
  }

  clear(): void {
    this.#count = 0;
    this.#paths.clear();
  }
}

/** The calls by their place in the series. */
const [opening, reading] = [0, 1];
const openedPath: ArgumentPlace = { call: opening, argument: 1 };
const readTo: ArgumentPlace = { call: reading, argument: 1 };
const readLength: ArgumentPlace = { call: reading, argument: 2 };

function encodeHow({ flags, resolve }: OpenHow): Buffer {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt((flags | O_CLOEXEC) >>> 0), 0);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  return how;
}
