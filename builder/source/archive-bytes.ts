import { compressionOf } from '../../registry/oci/compression/compression-of.ts';
import { archiveGrowth, decompress } from '../../registry/oci/compression/decompress.ts';
import { DecompressError } from '../../registry/oci/compression/decompress-error.ts';
import { SourceError } from '../context/errors.ts';

/** A stream, and its first bytes. */
export interface SniffedStream {
  /** At most `length` bytes, fewer when there are no more. */
  readonly head: Buffer;
  /** All of it, the head included. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Reads the first bytes of a stream without losing them. */
export async function sniff(source: AsyncIterable<Uint8Array>, length: number): Promise<SniffedStream> {
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < length) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return { head: head.subarray(0, length), bytes: joined(head, iterator) };
}

async function* joined(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** An archive that is read. */
export interface ReadingArchive {
  /** For messages, such as `the context on standard input`. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/**
 * The bytes of an archive, decompressed if they begin like gzip, bzip2, xz or zstd. Throws SourceError 'archive' for damaged data, for what
 * grows out of all proportion, and for kinds of xz that cannot be read.
 */
export async function* decompressed(
  { head, bytes }: SniffedStream,
  { name, signal }: ReadingArchive,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* decompress(bytes, compressionOf(head), { signal, mostGrowth: archiveGrowth });
  } catch (error) {
    throw error instanceof DecompressError ? archiveError(name, error.message, error.hint) : error;
  }
}

/** An archive that cannot be used. */
export function archiveError(name: string, why: string, hint?: string): SourceError {
  return new SourceError('archive', `Cannot unpack ${name}: ${why}`, { hint });
}
