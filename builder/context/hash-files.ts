import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { FileStamp } from '../../cache/records/stamped-files.ts';
import { type RawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import { SourceError } from './source-error.ts';
import { isGone, unreadable } from './unreadable.ts';

export interface FileToHash {
  readonly path: RawPath;
  /** Where it is on this machine. */
  readonly file: string | Buffer;
  /** What it looked like when it was listed. */
  readonly stamp: FileStamp;
  /** The tree's name, for messages. */
  readonly name: string;
}

export interface HashedFile {
  readonly path: RawPath;
  /** As it was while it was read: before and after, it was the same. undefined: as when it was listed. */
  readonly stats: BigIntStats | undefined;
  /** sha256, hex; undefined: the file is not there any more. */
  readonly digest: string | undefined;
  /** When reading began, in nanoseconds since the epoch. */
  readonly readNs: bigint;
}

/**
 * Hashes files of a folder, each read once, and gives them some at a time: small ones together, then large ones and those that are out of the
 * ordinary as streams. Files are asked for when there is room for them: an object for each of hundreds of thousands would take much memory.
 */
export async function* hashFiles(
  root: string,
  files: Iterable<FileToHash>,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly HashedFile[]> {
  const single: FileToHash[] = [];
  const small = smallOf(files, single);
  const first = small.next();
  if (first.done !== true) {
    const { hashSmallFiles } = await import('./hash-small-files.ts');
    for await (const some of hashSmallFiles(root, withFirst(first.value, small), signal)) {
      const hashed: HashedFile[] = [];
      for (const { file, digest, readNs } of some) {
        if (digest === undefined) single.push(file);
        else hashed.push({ path: file.path, stats: undefined, digest, readNs });
      }
      yield hashed;
    }
  }
  yield* hashConcurrently(single, signal);
}

/** The small files; others are put to `others`. */
function* smallOf(files: Iterable<FileToHash>, others: FileToHash[]): Generator<FileToHash, void, undefined> {
  for (const file of files) {
    if (file.stamp.size < smallFileBytes) yield file;
    else others.push(file);
  }
}

function* withFirst<File>(first: File, rest: Iterable<File>): Generator<File, void, undefined> {
  yield first;
  yield* rest;
}

/** Below this size, files are small. */
const smallFileBytes = 64 * 1024;
const chunkBytes = 1 << 20;
const concurrency = 8;
const maximalAttempts = 3;
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Results come in the order in which the files are done. No p-limit: it takes all files at once, and reads on while nobody takes the results;
 * here a file is opened for each result that was taken.
 */
async function* hashConcurrently(
  files: readonly FileToHash[],
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly HashedFile[]> {
  const waiting = files.values();
  const running = new Map<FileToHash, Promise<readonly [FileToHash, HashedFile]>>();
  const startNext = (): void => {
    const { value: file } = waiting.next();
    if (file === undefined) return;
    running.set(
      file,
      hashStreaming(file, signal).then((hashed) => [file, hashed] as const),
    );
  };
  try {
    for (let count = 0; count < concurrency; count++) startNext();
    while (running.size > 0) {
      const [file, hashed] = await Promise.race(running.values());
      running.delete(file);
      startNext();
      yield [hashed];
    }
  } finally {
    // After a failure the others end on their own; their results and failures no longer matter.
    await Promise.allSettled(running.values());
  }
}

async function hashStreaming(file: FileToHash, signal: AbortSignal | undefined): Promise<HashedFile> {
  try {
    for (let attempt = 0; attempt < maximalAttempts; attempt++) {
      // Opened each time: editors put a new file in the place of the old one.
      await using handle = await open(file.file, openFlags);
      const hashed = await hashOnce(handle, file.path, signal);
      if (hashed !== undefined) return hashed;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (isGone(error)) return { path: file.path, stats: undefined, digest: undefined, readNs: 0n };
    throw unreadable(file.name, file.path, error);
  }
  throw new SourceError('changed', `Cannot read "${textOfPath(file.path)}" in ${file.name}: it changes while it is read`, {
    hint: 'Stop what writes to it, or leave it out with a line in .dockerignore',
  });
}

/** undefined when the file changed meanwhile, or lost its name. */
async function hashOnce(handle: FileHandle, path: RawPath, signal: AbortSignal | undefined): Promise<HashedFile | undefined> {
  const readNs = BigInt(Date.now()) * 1_000_000n;
  const before = await handle.stat({ bigint: true });
  if (!before.isFile()) return undefined;
  const whole = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Number(before.size < chunkBytes ? before.size + 1n : BigInt(chunkBytes)));
  let position = 0;
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) break;
    whole.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  const stats = await handle.stat({ bigint: true });
  const isWhole = stats.nlink > 0n && isUnchanged(before, stats) && BigInt(position) === stats.size;
  return isWhole ? { path, stats, digest: whole.digest('hex'), readNs } : undefined;
}

function isUnchanged(before: FileStamp, after: FileStamp): boolean {
  return before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;
}
