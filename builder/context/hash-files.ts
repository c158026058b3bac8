import { createHash, hash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import type { FileStamp } from '../../cache/file-digests.ts';
import { type RawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import { unreadable } from './context-error.ts';
import { SourceError } from './errors.ts';

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
  /** sha256, hex. */
  readonly digest: string;
  /** When reading began, in nanoseconds since the epoch. */
  readonly readNs: bigint;
}

/**
 * Hashes files, each read once, and gives them some at a time. Small files are read at once, a slice of time at a go, since a round
 * through the thread pool costs ten times as much as reading one from the page cache; large ones, and all of them on a slow disk, are
 * read several at a time.
 */
export async function* hashFiles(
  files: readonly FileToHash[],
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly HashedFile[]> {
  const large: FileToHash[] = [];
  let isSlow = false;
  let slice = startSlice();
  for (const file of files) {
    const hashed = isSlow ? undefined : hashSmall(file);
    if (hashed === undefined) large.push(file);
    else slice.hashed.push(hashed);
    if (performance.now() < slice.endMs) continue;
    isSlow ||= hasWaited(slice);
    yield slice.hashed;
    signal?.throwIfAborted();
    await turn();
    slice = startSlice();
  }
  yield slice.hashed;
  yield* hashConcurrently(large, signal);
}

const sliceMs = 10;
/** So few in a slice are a sign of a slow disk. */
const fewFiles = 16;
const smallBytes = 64 * 1024;
const chunkBytes = 1 << 20;
const concurrency = 8;
const maximalAttempts = 3;

interface Slice {
  readonly endMs: number;
  readonly start: NodeJS.ResourceUsage;
  readonly hashed: HashedFile[];
}

function startSlice(): Slice {
  return { endMs: performance.now() + sliceMs, start: process.resourceUsage(), hashed: [] };
}

/**
 * True when the disk was waited for, again and again. On a busy machine a slice is also short of files, but because others took the
 * processor. (getrusage(2), ru_nvcsw and ru_nivcsw)
 */
function hasWaited({ hashed, start }: Slice): boolean {
  if (hashed.length >= fewFiles) return false;
  const { voluntaryContextSwitches: waits, involuntaryContextSwitches: interruptions } = process.resourceUsage();
  return interruptions === start.involuntaryContextSwitches && waits - start.voluntaryContextSwitches >= hashed.length;
}

const smallBuffer = Buffer.allocUnsafe(smallBytes);
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** undefined when the file is not small, or has changed since it was listed: then it takes the other way, which tries again. */
function hashSmall(file: FileToHash): HashedFile | undefined {
  const { path, stamp } = file;
  if (stamp.size >= smallBytes) return undefined;
  const readNs = BigInt(Date.now()) * 1_000_000n;
  const descriptor = openFile(file);
  try {
    const length = readSync(descriptor, smallBuffer, 0, smallBytes, null);
    const stats = fstatSync(descriptor, { bigint: true });
    if (stats.ino !== stamp.ino || stats.dev !== stamp.dev || !isUnchanged(stamp, stats) || length !== Number(stats.size)) {
      return undefined;
    }
    return { path, stats: undefined, digest: hash('sha256', smallBuffer.subarray(0, length), 'hex'), readNs };
  } catch (error) {
    throw unreadable(file.name, file.path, error);
  } finally {
    closeSync(descriptor);
  }
}

function openFile(file: FileToHash): number {
  try {
    return openSync(file.file, openFlags);
  } catch (error) {
    throw unreadable(file.name, file.path, error);
  }
}

/** Results come in the order in which the files are done. */
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
    await using handle = await open(file.file, openFlags);
    for (let attempt = 0; attempt < maximalAttempts; attempt++) {
      const hashed = await hashOnce(handle, file.path, signal);
      if (hashed !== undefined) return hashed;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw unreadable(file.name, file.path, error);
  }
  throw new SourceError('changed', `Cannot read "${textOfPath(file.path)}" in ${file.name}: it changes while it is read`, {
    hint: 'Stop what writes to it, or leave it out with a line in .dockerignore',
  });
}

/** undefined when the file changed meanwhile. */
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
  const isWhole = isUnchanged(before, stats) && BigInt(position) === stats.size;
  return isWhole ? { path, stats, digest: whole.digest('hex'), readNs } : undefined;
}

function isUnchanged(before: FileStamp, after: FileStamp): boolean {
  return before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;
}
