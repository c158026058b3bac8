import { AT, STATX_STATS } from '../constants.ts';
import { decodeStatus, type FileStatus } from '../files.ts';
import { type ArgumentPlace, SyscallBatch } from './batch.ts';
import { PathMemory } from './paths.ts';
import { PlacedMemory } from './placed-memory.ts';

/** Bytes of `struct statx`. */
const statusBytes = 256;

/** A status in plain numbers: for tens of thousands of files, making bigints takes longer than asking the kernel. */
export interface PlainStatus {
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly size: number;
  readonly inoLow: number;
  readonly inoHigh: number;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly ctimeSeconds: number;
  readonly ctimeNanoseconds: number;
}

/** Room for many statuses, at places that the kernel can be told. */
export class StatusMemory {
  readonly #memory: PlacedMemory;

  constructor(count: number) {
    this.#memory = new PlacedMemory(count * statusBytes);
  }

  addressOf(index: number): number {
    return this.#memory.address + index * statusBytes;
  }

  get(index: number): FileStatus {
    return decodeStatus(this.#memory.bytes.subarray(index * statusBytes, (index + 1) * statusBytes));
  }

  /** The same in plain numbers, which change when the cursor moves on. */
  cursor(): StatusCursor {
    return new StatusCursor(this.#memory.bytes);
  }
}

/** One status after another, without an object for each. (statx(2) has the places, here in words of 4 bytes) */
class StatusCursor implements PlainStatus {
  readonly #words: Uint32Array;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  moveTo(index: number): this {
    this.#at = index * (statusBytes / 4);
    return this;
  }

  get mode(): number {
    return this.#word(7) & 0xffff;
  }

  get uid(): number {
    return this.#word(5);
  }

  get gid(): number {
    return this.#word(6);
  }

  get nlink(): number {
    return this.#word(4);
  }

  get size(): number {
    return this.#word(10) + this.#word(11) * 2 ** 32;
  }

  get inoLow(): number {
    return this.#word(8);
  }

  get inoHigh(): number {
    return this.#word(9);
  }

  get devMajor(): number {
    return this.#word(34);
  }

  get devMinor(): number {
    return this.#word(35);
  }

  get rdevMajor(): number {
    return this.#word(32);
  }

  get rdevMinor(): number {
    return this.#word(33);
  }

  get mtimeSeconds(): number {
    return this.#word(28) + (this.#word(29) | 0) * 2 ** 32;
  }

  get mtimeNanoseconds(): number {
    return this.#word(30);
  }

  get ctimeSeconds(): number {
    return this.#word(24) + (this.#word(25) | 0) * 2 ** 32;
  }

  get ctimeNanoseconds(): number {
    return this.#word(26);
  }

  #word(offset: number): number {
    return this.#words[this.#at + offset] ?? 0;
  }
}

/** How many names are looked at with one call. */
const capacity = 512;

/** Looks at many names of a folder in one go. */
export class StatusBatch {
  readonly #calls = new SyscallBatch(
    [{ syscall: 'statx', args: [0, 0, AT.SYMLINK_NOFOLLOW | AT.NO_AUTOMOUNT, STATX_STATS] }],
    capacity,
  );
  readonly #paths = new PathMemory(capacity);
  readonly #statuses = new StatusMemory(capacity);
  readonly #cursor = this.#statuses.cursor();
  #count = 0;

  /**
   * Looks at names, one character for each byte, in the folder that `fd` is open on, as many as there is room for. Links are not followed.
   *
   * @throws SyscallError for what no file can be called
   */
  look(fd: number, names: readonly string[]): void {
    this.#paths.clear();
    this.#count = 0;
    for (const name of names) {
      if (this.#count === capacity || this.#paths.isFull) break;
      this.#calls.set(this.#count, folder, fd);
      this.#calls.set(this.#count, path, this.#paths.add(name));
      this.#calls.set(this.#count, status, this.#statuses.addressOf(this.#count));
      this.#count += 1;
    }
    this.#paths.write();
    this.#calls.play(this.#count);
  }

  /** What the name at an index is; undefined where it was not or could not be looked at. It counts until it is asked for another. */
  status(index: number): PlainStatus | undefined {
    return index < this.#count && this.#calls.result(index, 0) === 0 ? this.#cursor.moveTo(index) : undefined;
  }
}

const folder: ArgumentPlace = { call: 0, argument: 0 };
const path: ArgumentPlace = { call: 0, argument: 1 };
const status: ArgumentPlace = { call: 0, argument: 4 };
