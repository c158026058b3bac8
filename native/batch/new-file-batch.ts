import { O_CREAT, O_EXCL, O_WRONLY, RESOLVE } from '../constants.ts';
import { encodeOpenHow } from '../files.ts';
import { type ArgumentPlace, SyscallBatch } from './batch.ts';
import { PathMemory } from './paths.ts';
import { PlacedMemory, putWord } from './placed-memory.ts';

/** A file that is to be made. */
export interface NewFile {
  /**
   * Relative to the tree, without links, one character for each byte. Its folder has to be there and the name has to be free, or nothing
   * is made.
   */
  readonly path: string;
  /** Permission and set-id bits; the umask does not count. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since the epoch; may be negative. */
  readonly mtime: number;
}

/** What a batch has room for. */
export interface NewFilesSize {
  readonly files: number;
  /** For the content of all of them. */
  readonly contentBytes: number;
}

/** New files of one tree that are made together, in the background: six calls for each, in one go. */
export class NewFileBatch {
  readonly #calls: SyscallBatch;
  readonly #paths: PathMemory;
  readonly #times: TimeMemory;
  readonly #content: PlacedMemory;
  readonly #capacity: number;
  readonly #lengths: number[] = [];
  #used = 0;

  /** `rootFd` is the root of the tree. It must be open whenever files are made. */
  constructor(rootFd: number, size: NewFilesSize) {
    const how = encodeOpenHow({ flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600, resolve: noLinks });
    this.#calls = new SyscallBatch(
      [
        { syscall: 'openat2', args: [rootFd, 0, how, how.length], descriptor: 'gives' },
        { syscall: 'write', args: [], descriptor: 'uses' },
        // chown(2) clears set-id bits, so the owner comes first; writing clears them too, and changes the time.
        { syscall: 'fchown', args: [], descriptor: 'uses' },
        { syscall: 'fchmod', args: [], descriptor: 'uses' },
        { syscall: 'utimensat', args: [], descriptor: 'uses' },
        { syscall: 'close', args: [], descriptor: 'uses' },
      ],
      size.files,
    );
    this.#paths = new PathMemory(size.files);
    this.#times = new TimeMemory(size.files);
    this.#content = new PlacedMemory(size.contentBytes);
    this.#capacity = size.files;
  }

  get count(): number {
    return this.#lengths.length;
  }

  /** True when a file with a content of so many bytes can be added. */
  hasRoomFor(length: number): boolean {
    return this.count < this.#capacity && this.#used + length <= this.#content.bytes.length && !this.#paths.isFull;
  }

  /**
   * Adds a file; gives the copy of its content, which is there until clear().
   *
   * @throws SyscallError for a path that no file can have, RangeError where there is no room
   */
  add({ path, mode, uid, gid, mtime }: NewFile, content: Uint8Array): Uint8Array {
    if (!this.hasRoomFor(content.length)) {
      throw new RangeError(`Cannot make a file of ${content.length} bytes as file ${this.count}: no room`);
    }
    const index = this.count;
    this.#calls.set(index, openedPath, this.#paths.add(path));
    const start = this.#used;
    this.#content.bytes.set(content, start);
    this.#calls.set(index, writtenFrom, this.#content.address + start);
    this.#calls.set(index, writtenLength, content.length);
    this.#calls.set(index, owner, uid);
    this.#calls.set(index, group, gid);
    this.#calls.set(index, permissions, mode);
    this.#calls.set(index, times, this.#times.put(index, mtime));
    this.#lengths.push(content.length);
    this.#used += content.length;
    return this.#content.view(start, content.length);
  }

  /** Makes the files. Until it settles nothing may be added. Says nothing of single ones: isMade() does. */
  make(): Promise<void> {
    this.#paths.write();
    return this.#calls.playInBackground(this.count);
  }

  /** False when something failed for the file at this index; a part of it may be there. */
  isMade(index: number): boolean {
    const isWritten = this.#calls.result(index, writing) === this.#lengths[index];
    return isWritten && [opening, owning, permitting, timing, closing].every((call) => this.#calls.result(index, call) >= 0);
  }

  clear(): void {
    this.#lengths.length = 0;
    this.#used = 0;
    this.#paths.clear();
  }
}

const noLinks = RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS;

/** The calls by their place in the series. */
const [opening, writing, owning, permitting, timing, closing] = [0, 1, 2, 3, 4, 5];
const openedPath: ArgumentPlace = { call: opening, argument: 1 };
const writtenFrom: ArgumentPlace = { call: writing, argument: 1 };
const writtenLength: ArgumentPlace = { call: writing, argument: 2 };
const owner: ArgumentPlace = { call: owning, argument: 1 };
const group: ArgumentPlace = { call: owning, argument: 2 };
const permissions: ArgumentPlace = { call: permitting, argument: 1 };
/** utimensat(2) without a path is about the descriptor. */
const times: ArgumentPlace = { call: timing, argument: 2 };

/** Pairs of `struct timespec`, at places that the kernel can be told. */
class TimeMemory {
  readonly #memory: PlacedMemory;
  readonly #words: Uint32Array;

  constructor(count: number) {
    this.#memory = new PlacedMemory(count * pairBytes);
    this.#words = new Uint32Array(this.#memory.bytes.buffer).fill(0);
  }

  /** Puts whole seconds as both times, access and change; gives their address. */
  put(index: number, seconds: number): number {
    const access = (index * pairBytes) / 4;
    putWord(this.#words, access, seconds);
    putWord(this.#words, access + pairBytes / 8, seconds);
    return this.#memory.address + index * pairBytes;
  }
}

/** Two times of two words of 8 bytes: seconds, and nanoseconds that stay zero. */
const pairBytes = 32;
