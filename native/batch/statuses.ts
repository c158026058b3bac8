import { AT, STATX_BASIC_STATS } from '../constants.ts';
import { decodeStatus, type FileStatus } from '../files.ts';
import { type ArgumentPlace, SyscallBatch } from './batch.ts';
import { PathMemory } from './paths.ts';
import { PlacedMemory } from './placed-memory.ts';

/** Bytes of `struct statx`. */
const statusBytes = 256;

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
  *look(fd: number, names: readonly string[]): Generator<FileStatus | undefined, void, undefined> {
    for (let start = 0; start < names.length; ) {
      const count = this.#ask(fd, names, start);
      this.#calls.play(count);
      for (let index = 0; index < count; index++) {
        yield this.#calls.result(index, 0) === 0 ? this.#statuses.get(index) : undefined;
      }
      start += count;
    }
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
