import { AT, STATX_STATS } from '../constants.ts';
import { encodeOpenHow, type FileStatus, type OpenHow } from '../files.ts';
import { type ArgumentPlace, type BatchCall, SyscallBatch } from './batch.ts';
import { PathMemory } from './paths.ts';
import { PlacedMemory } from './placed-memory.ts';
import { StatusMemory } from './statuses.ts';

/** What a batch has room for. */
export interface BatchSize {
  readonly files: number;
  /** For the content of all of them. */
  readonly contentBytes: number;
  /** Threads that are sent the content have the same memory. */
  readonly isShared?: boolean;
  /** Look also at the status of each file, when it has been read. */
  readonly hasStatus?: boolean;
}

/** Files of one tree whose beginnings are read together, in the background. */
export class FileBatch {
  readonly #calls: SyscallBatch;
  readonly #paths: PathMemory;
  readonly #statuses: StatusMemory | undefined;
  readonly #capacity: number;
  readonly #content: PlacedMemory;
  #count = 0;

  /** `rootFd` is the root of the tree. It must be open whenever the batch is read. */
  constructor(rootFd: number, how: OpenHow, size: BatchSize) {
    const openHow = encodeOpenHow(how);
    this.#calls = new SyscallBatch(
      [
        { syscall: 'openat2', args: [rootFd, 0, openHow, openHow.length], descriptor: 'gives' },
        { syscall: 'read', args: [], descriptor: 'uses' },
        ...(size.hasStatus === true ? [statusCall] : []),
        { syscall: 'close', args: [], descriptor: 'uses' },
      ],
      size.files,
    );
    this.#statuses = size.hasStatus === true ? new StatusMemory(size.files) : undefined;
    this.#content = new PlacedMemory(size.contentBytes, { isShared: size.isShared });
    this.#paths = new PathMemory(size.files);
    this.#capacity = size.files;
  }

  /** Where the files are read to; the caller divides it up. Left alone while read() is pending. */
  get content(): Buffer {
    return this.#content.bytes;
  }

  /** True when nothing can be added before clear(). */
  get isFull(): boolean {
    return this.#count === this.#capacity || this.#paths.isFull;
  }

  /**
   * Adds a file, of which `length` bytes are wanted at `offset` of the content. `path` is relative to the tree, with one character for each
   * byte.
   *
   * @throws SyscallError for a path that no file can have, RangeError for what there is no room for
   */
  add(path: string, offset: number, length: number): void {
    if (this.isFull || offset + length > this.content.length) {
      throw new RangeError(`Cannot read ${length} bytes to ${offset} of ${this.content.length} as file ${this.#count}: no room`);
    }
    this.#calls.set(this.#count, openedPath, this.#paths.add(path));
    this.#calls.set(this.#count, readTo, this.#content.address + offset);
    this.#calls.set(this.#count, readLength, length);
    if (this.#statuses !== undefined) this.#calls.set(this.#count, statusTo, this.#statuses.addressOf(this.#count));
    this.#count += 1;
  }

  /** A part of the content. */
  view(start: number, length: number): Uint8Array {
    return this.#content.view(start, length);
  }

  /** Reads the files. Says nothing of single ones: result() does. */
  read(): Promise<void> {
    this.#paths.write();
    return this.#calls.playInBackground(this.#count);
  }

  /** How many bytes the file at this index gave: fewer than wanted where it ended or something interrupted; or a negated errno. */
  result(index: number): number {
    const descriptor = this.#calls.result(index, opening);
    return descriptor < 0 ? descriptor : this.#calls.result(index, reading);
  }

  /** What the file at this index was when it had been read; undefined where it could not be looked at, or `hasStatus` was not set. */
  status(index: number): FileStatus | undefined {
    const isKnown = this.#calls.result(index, opening) >= 0 && this.#calls.result(index, looking) === 0;
    return isKnown ? this.#statuses?.get(index) : undefined;
  }

  clear(): void {
    this.#count = 0;
    this.#paths.clear();
  }
}

/** The calls by their place in the series. */
const [opening, reading, looking] = [0, 1, 2];
const openedPath: ArgumentPlace = { call: opening, argument: 1 };
const readTo: ArgumentPlace = { call: reading, argument: 1 };
const readLength: ArgumentPlace = { call: reading, argument: 2 };
const statusTo: ArgumentPlace = { call: looking, argument: 4 };

/** The status of the descriptor itself. */
const statusCall: BatchCall = {
  syscall: 'statx',
  args: [0, Buffer.from('\0'), AT.EMPTY_PATH, STATX_STATS],
  descriptor: 'uses',
};
