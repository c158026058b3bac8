import { createReadStream, readSync } from 'node:fs';
import path from 'node:path';
import { decompress } from '../../../registry/oci/compression/decompress.ts';
import type { Digest } from '../../../registry/oci/digest.ts';
import type { LayerEntry } from '../../../registry/oci/layer/layer-entry.ts';
import type { Pause } from '../../../registry/oci/pace.ts';
import { errnoOf, hasErrno, reasonOf } from '../../../registry/oci/thrown.ts';
import type { WorkerRequest, WorkerResults } from '../../protocol/messages.ts';
import { hashChunks } from '../commit/commit.ts';
import type { FileContent } from '../compress/cut-members.ts';
import { packedCompression, packedMagicBytes } from '../compress/packed-compression.ts';
import { LayerSources, withSourceTimes } from '../export/source-times.ts';
import { timeAtEpoch } from '../files/file-times.ts';
import { openOwnFile } from '../files/own-file.ts';
import { readIndex } from '../layer/index-file.ts';
import { layerItems, packedLayer } from '../layer/layer-files.ts';
import { rechunked, tarChunks } from '../layer/tar-chunks.ts';
import { Refusal } from '../request/failure.ts';
import type { RequestContext } from '../request/request-context.ts';
import { writeBlob } from './write-blob.ts';

type WriteLayerRequest = Extract<WorkerRequest, { readonly kind: 'write-layer' }>;

/**
 * Makes the tar of a committed layer again, compressed, into the new file `output`, and syncs it. Refuses a layer whose files have changed
 * since: its tar without an epoch has another digest then. With an epoch the layer has to be a folder, which is read twice. A failed write
 * leaves no file.
 */
export async function writeLayer(request: WriteLayerRequest, context: RequestContext): Promise<WorkerResults['write-layer']> {
  const { directory, diffId, output, compression, epoch, isInBackground, members } = request;
  const { signal } = context;
  if (epoch === undefined) {
    const check = (found: Digest): void => refuseOther(found, diffId);
    const tar = await orDamaged(() => tarOf(directory), diffId);
    const contents = members && contentsOf(directory, diffId);
    return writeBlob(readable(tar, diffId), { output, compression, isInBackground, signal, check, members, contents });
  }
  refuseOther((await hashChunks(readable(chunksOfFolder(directory), diffId), signal)).diffId, diffId);
  using sources = new LayerSources({ directory, epoch, context });
  return await writeBlob(readable(chunksAtEpoch(directory, sources), diffId), {
    output,
    compression,
    isInBackground,
    signal,
    members,
  });
}

/** What the index says of the content of each file that is not empty. */
function* contentsOf(directory: string, diffId: Digest): Generator<FileContent, void, undefined> {
  try {
    for (const entry of readIndex(path.join(directory, 'index'))) if (entry.type === 'file' && entry.size > 0) yield entry;
  } catch (error) {
    throw orDamage(error, diffId);
  }
}

/** The tar of a layer, from its folder or as it was packed. */
function tarOf(directory: string): Iterable<Uint8Array | Pause> | AsyncIterable<Uint8Array> {
  return openPacked(directory) ?? chunksOfFolder(directory);
}

/** The tar of a packed layer, which may be compressed; undefined for one that is a folder. */
export function openPacked(directory: string): AsyncIterable<Uint8Array> | undefined {
  const packed = openIfThere(path.join(directory, packedLayer));
  if (packed === undefined) return undefined;
  const start = Buffer.alloc(packedMagicBytes);
  readSync(packed, start, 0, packedMagicBytes, 0);
  const bytes = createReadStream('', { fd: packed, start: 0, highWaterMark: 1 << 18 });
  // What was made here may be of any size.
  return rechunked(decompress(bytes, packedCompression(start), { mostGrowth: Number.POSITIVE_INFINITY }));
}

/** @throws Refusal unless the tar of a layer is what it was */
export function refuseOther(found: Digest, diffId: Digest): void {
  if (found !== diffId) throw damagedLayer(diffId, `its tar has the digest ${found} now`);
}

/** Why a layer of the store is not used. */
function damagedLayer(diffId: Digest, why: string): Refusal {
  return new Refusal('layer-damaged', `Cannot use layer ${diffId} of the store: its files were changed (${why})`);
}

/** Chunks that are made of the files of a layer: what makes that fail is that the files, or what is written about them, are others now. */
export async function* readable(
  chunks: Iterable<Uint8Array | Pause> | AsyncIterable<Uint8Array>,
  diffId: Digest,
): AsyncGenerator<Uint8Array | Pause, void, undefined> {
  try {
    yield* chunks;
  } catch (error) {
    throw orDamage(error, diffId);
  }
}

/** The same for what is read at once, or compared. */
export async function orDamaged<T>(work: () => T | Promise<T>, diffId: Digest): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw orDamage(error, diffId);
  }
}

function orDamage(error: unknown, diffId: Digest): unknown {
  return isOfTheMachine(error) ? error : damagedLayer(diffId, reasonOf(error));
}

/** A disk that cannot be read, or a lack of something, says nothing about the files. */
function isOfTheMachine(error: unknown): boolean {
  return /^E(IO|MFILE|NFILE|NOMEM|INTR|AGAIN|STALE|PERM|ACCES)$/.test(errnoOf(error) ?? '');
}

function chunksOfFolder(directory: string): Iterable<Uint8Array | Pause> {
  return tarChunks(layerItems(path.join(directory, 'fs'), readIndex(path.join(directory, 'index'))));
}

function chunksAtEpoch(directory: string, sources: LayerSources): Iterable<Uint8Array | Pause> {
  const entries = atEpoch(readIndex(path.join(directory, 'index')), sources.epoch);
  return tarChunks(withSourceTimes(layerItems(path.join(directory, 'fs'), entries), sources));
}

function openIfThere(file: string): number | undefined {
  try {
    return openOwnFile(file);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * An explicit epoch replaces the constant time, and every later one: older times came from packages and archives and stay. Whiteouts
 * have no time of their own.
 */
function* atEpoch(entries: Iterable<LayerEntry>, epoch: number): Generator<LayerEntry, void, undefined> {
  for (const entry of entries) {
    const hasTime = entry.type !== 'whiteout' && entry.type !== 'opaque';
    yield hasTime ? { ...entry, mtime: timeAtEpoch(entry.mtime, epoch) } : entry;
  }
}
