import { createReadStream, openSync } from 'node:fs';
import path from 'node:path';
import { constantTimeSeconds } from '../../registry/oci/constant-time.ts';
import type { LayerEntry } from '../../registry/oci/layer-entry.ts';
import { type Pause } from '../../registry/oci/pace.ts';
import type { WorkerRequest, WorkerResults } from '../protocol/messages.ts';
import { readIndex } from './layer/index-file.ts';
import { layerItems, packedLayer } from './layer/layer-files.ts';
import { rechunked, tarChunks } from './layer/tar-chunks.ts';
import type { RequestContext } from './request-context.ts';
import { writeBlob } from './write-blob.ts';

type WriteLayerRequest = Extract<WorkerRequest, { readonly kind: 'write-layer' }>;

/**
 * Makes the tar of a committed layer again, compressed, into the new file `output`, and syncs it. Without an epoch the diffId is the one
 * that the commit gave, as long as nobody changed the layer's files: the caller compares. With an epoch the layer has to be a folder. A failed
 * write leaves no file.
 */
export async function writeLayer(request: WriteLayerRequest, context: RequestContext): Promise<WorkerResults['write-layer']> {
  const { directory, output, compression, epoch } = request;
  const packed = epoch === undefined ? openIfThere(path.join(directory, packedLayer)) : undefined;
  const tar =
    packed === undefined
      ? chunksOfFolder(directory, epoch)
      : rechunked(createReadStream('', { fd: packed, highWaterMark: 1 << 18 }));
  return writeBlob(tar, { output, compression, signal: context.signal });
}

function chunksOfFolder(directory: string, epoch: number | undefined): Iterable<Uint8Array | Pause> {
  const entries = withEpoch(readIndex(path.join(directory, 'index')), epoch);
  return tarChunks(layerItems(path.join(directory, 'fs'), entries));
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
