import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { errnoOf } from '../thrown.ts';
import { unreachable } from '../unreachable.ts';
import type { Compression } from './compression-of.ts';
import { DecompressError } from './decompress-error.ts';
import { isOutOfProportion, layerGrowth } from './growth.ts';
import { sniff } from './sniff.ts';
import { beyondXzEmbedded, xzHeaderBytes } from './xz-headers.ts';

export interface DecompressOptions {
  readonly signal?: AbortSignal;
  /** All bytes of the source, where they are known; otherwise those that have been read count against what has come out. */
  readonly sizeBytes?: number;
  /** How many times as large the content may be. */
  readonly mostGrowth?: number;
}

/**
 * The decompressed bytes of a stream, which may be several members, frames or streams one after the other. Memory is bounded whatever the
 * stream says.
 *
 * @throws DecompressError for damaged data, for what follows the data, and for what grows out of all proportion; what the source throws
 * passes
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (compression === 'none') {
    yield* source;
    return;
  }
  const taken = { bytes: 0 };
  let total = 0;
  for await (const chunk of decoded(counted(source, taken), compression, options.signal)) {
    total += chunk.length;
    const sizeBytes = options.sizeBytes ?? taken.bytes;
    if (isOutOfProportion(total, { sizeBytes, mostGrowth: options.mostGrowth ?? layerGrowth })) {
      const hint = 'If that is meant, unpack it before the build and COPY its files';
      throw new DecompressError('too-large', `its ${sizeBytes} bytes become more than ${total}`, hint);
    }
    yield chunk;
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  taken: { bytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    taken.bytes += chunk.length;
    yield chunk;
  }
}

async function* decoded(
  source: AsyncIterable<Uint8Array>,
  compression: Exclude<Compression, 'none'>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  switch (compression) {
    case 'gzip':
      return yield* gunzipped(source);
    case 'xz':
      return yield* unxzed(source, signal);
    case 'bzip2':
    case 'zstd':
      return yield* inThread(source, compression, signal);
    default:
      return unreachable(compression);
  }
}

/** What the decoder that comes with us does not know is left to the program of the machine, if it has it. */
async function* unxzed(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { head, bytes } = await sniff(source, xzHeaderBytes);
  const need = beyondXzEmbedded(head);
  if (need === undefined) {
    yield* inThread(bytes, 'xz', signal);
  } else {
    const { decompressWithXz } = await import('./xz-program.ts');
    yield* decompressWithXz(bytes, need, signal);
  }
}

async function* inThread(
  source: AsyncIterable<Uint8Array>,
  compression: Exclude<Compression, 'none' | 'gzip'>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { decompressInThread } = await import('./decompress-thread.ts');
  yield* decompressInThread(source, compression, signal);
}

async function* gunzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  // The error of either stream ends the iteration below, so nothing is lost here.
  pipeline(Readable.from(source, { objectMode: false }), gunzip, () => undefined);
  try {
    for await (const chunk of gunzip) {
      if (chunk instanceof Uint8Array) yield chunk;
    }
  } catch (error) {
    throw isDataError(error) ? new DecompressError('damaged', `it is damaged (${error.message})`) : error;
  }
}

function isDataError(error: unknown): error is Error {
  return error instanceof Error && errnoOf(error)?.startsWith('Z_') === true;
}
