import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { constantTimeSeconds } from '../../registry/oci/constant-time.ts';
import { type Digest, digestFromHex } from '../../registry/oci/digest.ts';
import type { LayerEntry } from '../../registry/oci/layer-entry.ts';
import type { LayerCompression, WorkerRequest, WorkerResults } from '../protocol/messages.ts';
import { readIndex } from './layer/index-file.ts';
import { layerItems, packedLayer } from './layer/layer-files.ts';
import { chunkBytes, tarChunks } from './layer/tar-chunks.ts';
import type { RequestContext } from './request-context.ts';

type WriteLayerRequest = Extract<WorkerRequest, { readonly kind: 'write-layer' }>;

/**
 * Makes the tar of a committed layer again, compressed, into the new file `output`, and syncs it. Without an epoch the diffId is the one
 * that the commit gave, as long as nobody changed the layer's files: the caller compares. With an epoch the layer has to be a folder. A failed
 * write leaves no file.
 */
export async function writeLayer(request: WriteLayerRequest, context: RequestContext): Promise<WorkerResults['write-layer']> {
  const { directory, output, compression, epoch } = request;
  const packed = epoch === undefined ? openIfThere(path.join(directory, packedLayer)) : undefined;
  const chunks = packed === undefined ? chunksOfFolder(directory, epoch) : chunksOfFile(packed);
  const tar = new HashedChunks(chunks, context.signal);
  await using file = await open(output, 'wx', 0o644);
  try {
    const blob = await writeHashed(file, await compressed(tar, compression));
    return { ...blob, diffId: tar.digest() };
  } catch (error) {
    await rm(output, { force: true });
    throw error;
  }
}

function chunksOfFolder(directory: string, epoch: number | undefined): Iterable<Uint8Array> {
  const entries = withEpoch(readIndex(path.join(directory, 'index')), epoch);
  return tarChunks(layerItems(path.join(directory, 'fs'), entries));
}

/** In the pieces that tarChunks() makes, since these are what is compressed one by one. Takes over the descriptor. */
function* chunksOfFile(fd: number): Generator<Uint8Array, void, undefined> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  try {
    for (let length = chunkBytes; length === chunkBytes; ) {
      length = readFully(fd, buffer);
      yield buffer.subarray(0, length);
    }
  } finally {
    closeSync(fd);
  }
}

function readFully(fd: number, buffer: Buffer): number {
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(fd, buffer, length, buffer.length - length, null);
    if (read === 0) break;
    length += read;
  }
  return length;
}

function openIfThere(file: string): number | undefined {
  try {
    return openSync(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * An explicit epoch replaces the constant time, and every later one: older times came from packages and archives and stay. Whiteouts
 * have no time of their own.
 */
export function* withEpoch(entries: Iterable<LayerEntry>, epoch: number | undefined): Generator<LayerEntry, void, undefined> {
  for (const entry of entries) {
    const hasTime = entry.type !== 'whiteout' && entry.type !== 'opaque';
    yield epoch !== undefined && hasTime ? { ...entry, mtime: timeAtEpoch(entry.mtime, epoch) } : entry;
  }
}

/** What the constant time and later times become at an epoch. Seconds. */
export function timeAtEpoch(mtime: number, epoch: number): number {
  return mtime === constantTimeSeconds || mtime > epoch ? epoch : mtime;
}

/** Chunks that are hashed as they pass. */
class HashedChunks {
  readonly #chunks: Iterable<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #hash = createHash('sha256');

  constructor(chunks: Iterable<Uint8Array>, signal: AbortSignal) {
    this.#chunks = chunks;
    this.#signal = signal;
  }

  *[Symbol.iterator](): Generator<Uint8Array, void, undefined> {
    for (const chunk of this.#chunks) {
      this.#signal.throwIfAborted();
      this.#hash.update(chunk);
      yield chunk;
    }
  }

  /** Once, when all chunks have passed. */
  digest(): Digest {
    return digestFromHex(this.#hash.digest('hex'));
  }
}

async function compressed(
  tar: Iterable<Uint8Array>,
  compression: LayerCompression,
): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>> {
  switch (compression.kind) {
    case 'none':
      return tar;
    case 'gzip':
    case 'zstd': {
      const { compressBlocks } = await import('./compress/compress-blocks.ts');
      return compressBlocks(tar, { compression });
    }
    default:
      return unreachable(compression);
  }
}

async function writeHashed(
  file: FileHandle,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<{ readonly digest: Digest; readonly sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    await file.writeFile(chunk);
    await nextTurn();
  }
  await file.sync();
  return { digest: digestFromHex(hash.digest('hex')), sizeBytes };
}

function unreachable(compression: never): never {
  throw new Error(`Cannot compress with ${JSON.stringify(compression)}`);
}
