import { AT, STATX_BASIC_STATS } from '../constants.ts';
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
  readonly #words: Uint32Array;

  constructor(count: number) {
    this.#memory = new PlacedMemory(count * statusBytes);
    this.#words = new Uint32Array(this.#memory.bytes.buffer, this.#memory.bytes.byteOffset, (count * statusBytes) / 4);
  }

  addressOf(index: number): number {
    return this.#memory.address + index * statusBytes;
  }

  get(index: number): FileStatus {
    return decodeStatus(this.#memory.bytes.subarray(index * statusBytes, (index + 1) * statusBytes));
  }

  /** The same in plain numbers. (statx(2) has the places, here in words of 4 bytes) */
  plain(index: number): PlainStatus {
    const at = index * (statusBytes / 4);
    return {
      mode: this.#word(at + 7) & 0xffff,
      uid: this.#word(at + 5),
      gid: this.#word(at + 6),
      nlink: this.#word(at + 4),
      size: this.#word(at + 10) + this.#word(at + 11) * 2 ** 32,
      inoLow: this.#word(at + 8),
      inoHigh: this.#word(at + 9),
      devMajor: this.#word(at + 34),
      devMinor: this.#word(at + 35),
      rdevMajor: this.#word(at + 32),
      rdevMinor: this.#word(at + 33),
      mtimeSeconds: this.#word(at + 28) + (this.#word(at + 29) | 0) * 2 ** 32,
      mtimeNanoseconds: this.#word(at + 30),
      ctimeSeconds: this.#word(at + 24) + (this.#word(at + 25) | 0) * 2 ** 32,
      ctimeNanoseconds: this.#word(at + 26),
    };
  }

  #word(at: number): number {
    return this.#words[at] ?? 0;
  }
}

const capacity = 512;

/** Looks at many names of a folder in one go. */
export class StatusBatch {
  readonly #calls = new SyscallBatch(
    [{ syscall: 'statx', args: [0, 0, AT.SYMLINK_NOFOLLOW | AT.NO_AUTOMOUNT, STATX_BASIC_STATS] }],
    capacity,
  );
  readonly #paths = new PathMemory(capacity);
  readonly #statuses = new StatusMemory(capacity);

  /**
   * The status of each name, one character for each byte, in the folder that `fd` is open on; undefined for those that cannot be looked at.
   * Links are not followed.
   *
   * @throws SyscallError for what no file can be called
   */
  look(fd: number, names: readonly string[]): readonly (PlainStatus | undefined)[] {
    const found: (PlainStatus | undefined)[] = [];
    while (found.length < names.length) {
      const count = this.#ask(fd, names, found.length);
      this.#calls.play(count);
      for (let index = 0; index < count; index++) {
        found.push(this.#calls.result(index, 0) === 0 ? this.#statuses.plain(index) : undefined);
      }
    }
    return found;
  }

  /** Lays out the calls for names from `start`, as many as there is room for; gives their number. */
  #ask(fd: number, names: readonly string[], start: number): number {
    this.#paths.clear();
    let count = 0;
    for (; start + count < names.length && count < capacity && !this.#paths.isFull; count++) {
      this.#calls.set(count, folder, fd);
      this.#calls.set(count, path, this.#paths.add(names[start + count] ?? ''));
      this.#calls.set(count, status, this.#statuses.addressOf(count));
    }
    this.#paths.write();
    return count;
  }
}

const folder: ArgumentPlace = { call: 0, argument: 0 };
const path: ArgumentPlace = { call: 0, argument: 1 };
const status: ArgumentPlace = { call: 0, argument: 4 };
