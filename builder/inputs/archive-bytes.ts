import { compressionOf } from '../../registry/oci/compression/compression-of.ts';
import { decompress } from '../../registry/oci/compression/decompress.ts';
import { DecompressError } from '../../registry/oci/compression/decompress-error.ts';
import { archiveGrowth } from '../../registry/oci/compression/growth.ts';
import type { SniffedStream } from '../../registry/oci/compression/sniff.ts';
import { SourceError } from '../context/source-error.ts';

/** An archive that is read. */
export interface ArchiveReader {
  /** For messages, such as `the context on standard input`. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/**
 * The bytes of an archive, decompressed if they begin like gzip, bzip2, xz or zstd.
 *
 * @throws SourceError 'archive' for damaged data, for what grows out of all proportion, and for kinds of xz that cannot be read
 */
export async function* decompressed(
  { head, bytes }: SniffedStream,
  { name, signal }: ArchiveReader,
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
