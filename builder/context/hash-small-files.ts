import { hash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { type FileStamp, isSameStamp } from '../../cache/records/stamped-files.ts';
import { type BatchSize, FileBatch } from '../../native/batch/file-batch.ts';
import { O_DIRECTORY, O_NONBLOCK, O_PATH, O_RDONLY, RESOLVE } from '../../native/constants.ts';
import type { RawPath } from '../../registry/oci/raw-path.ts';

/** A file to hash. */
export interface StampedFile {
  /** Below the root, all links followed. */
  readonly path: RawPath;
  /** What it looked like when it was listed. */
  readonly stamp: FileStamp;
}

/** What came of a file. */
export interface HashedSmallFile<File> {
  readonly file: File;
  /** sha256, hex; undefined when it could not be read or is no longer what its stamp says. */
  readonly digest: string | undefined;
  /** When reading began at the latest, in nanoseconds since the epoch. */
  readonly readNs: bigint;
}

/**
 * Hashes files of at most 512 KiB below a folder on this machine, and gives them some at a time. They are read in the background, many with one call;
 * several such calls at once keep a slow disk busy. Links are never followed. Rejects with the signal's reason.
 */
export async function* hashSmallFiles<File extends StampedFile>(
  root: string,
  files: Iterable<File>,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly HashedSmallFile<File>[], void, undefined> {
  const waiting = new WaitingFiles(files);
  const room = roomFor(waiting.ahead(filesAtOnce));
  const rootFd = openSync(root, O_PATH | O_DIRECTORY);
  const batches: HashBatch<File>[] = [];
  try {
    while (waiting.next !== undefined && batches.length < batchesAtOnce) {
      const batch = new HashBatch<File>(rootFd, room);
      batches.push(batch);
      batch.start(waiting);
    }
    for (let turn = 0; ; turn++) {
      const batch = batches[turn % batches.length];
      if (batch === undefined || batch.isEmpty) return;
      yield await batch.results();
      signal?.throwIfAborted();
      batch.start(waiting);
    }
  } finally {
    await Promise.allSettled(batches.map((batch) => batch.read));
    closeSync(rootFd);
  }
}

/** One thread of libuv's four is left for everybody else. */
const batchesAtOnce = 3;
const filesAtOnce = 256;
const bytesAtOnce = 512 * 1024;

/** Memory that a few files do not need is work for the collector of it. */
function roomFor(files: readonly StampedFile[]): Pick<BatchSize, 'files' | 'contentBytes'> {
  if (files.length >= filesAtOnce) return { files: filesAtOnce, contentBytes: bytesAtOnce };
  const bytes = files.reduce((sum, { stamp }) => sum + Number(stamp.size), 0);
  return { files: files.length, contentBytes: Math.max(1, Math.min(bytes, bytesAtOnce)) };
}

/** Files one after the other, of which the next ones can be looked at before they are taken. */
class WaitingFiles<File> {
  readonly #files: Iterator<File>;
  readonly #ahead: File[] = [];

  constructor(files: Iterable<File>) {
    this.#files = files[Symbol.iterator]();
  }

  get next(): File | undefined {
    return this.ahead(1)[0];
  }

  /** As many as there are, up to a number. */
  ahead(count: number): readonly File[] {
    while (this.#ahead.length < count) {
      const { done, value } = this.#files.next();
      if (done === true) break;
      this.#ahead.push(value);
    }
    return this.#ahead;
  }

  skip(): void {
    this.#ahead.shift();
  }
}

class HashBatch<File extends StampedFile> {
  readonly #batch: FileBatch;
  readonly #bytes: number;
  #files: readonly File[] = [];
  #readNs = 0n;
  /** Settles when the files have been read. */
  read: Promise<void> = Promise.resolve();

  constructor(rootFd: number, room: Pick<BatchSize, 'files' | 'contentBytes'>) {
    const how = { flags: O_RDONLY | O_NONBLOCK, resolve: RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS };
    this.#batch = new FileBatch(rootFd, how, { ...room, hasStatus: true });
    this.#bytes = room.contentBytes;
  }

  get isEmpty(): boolean {
    return this.#files.length === 0;
  }

  /** Takes as many files as there is room for, and begins to read them. */
  start(waiting: WaitingFiles<File>): void {
    this.#batch.clear();
    const files: File[] = [];
    let used = 0;
    for (let file = waiting.next; file !== undefined && !this.#batch.isFull; file = waiting.next) {
      const size = Number(file.stamp.size);
      if (used + size > this.#bytes) break;
      this.#batch.add(file.path, used, size);
      used += size;
      files.push(file);
      waiting.skip();
    }
    this.#files = files;
    this.#readNs = BigInt(Date.now()) * 1_000_000n;
    this.read = this.#batch.read();
  }

  async results(): Promise<readonly HashedSmallFile<File>[]> {
    await this.read;
    const results: HashedSmallFile<File>[] = [];
    let start = 0;
    for (const [index, file] of this.#files.entries()) {
      const size = Number(file.stamp.size);
      const digest = this.#isWhole(index, file.stamp) ? hash('sha256', this.#batch.view(start, size), 'hex') : undefined;
      results.push({ file, digest, readNs: this.#readNs });
      start += size;
    }
    return results;
  }

  /** Whoever changes a file changes its times first, so that a status of later tells of everything that was read. */
  #isWhole(index: number, stamp: FileStamp): boolean {
    const status = this.#batch.status(index);
    return (
      status !== undefined &&
      this.#batch.result(index) === status.size &&
      isSameStamp({ ...status, size: BigInt(status.size) }, stamp)
    );
  }
}
