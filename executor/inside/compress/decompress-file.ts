import { lstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Compression, compressionOf, magicBytes } from '../../../registry/oci/compression/compression-of.ts';
import { decompress } from '../../../registry/oci/compression/decompress.ts';
import { DecompressError, type DecompressErrorCode } from '../../../registry/oci/compression/decompress-error.ts';
import { sniff } from '../../../registry/oci/compression/sniff.ts';
import { fileBytes } from '../../../registry/oci/files/file-bytes.ts';
import type { RefusalCode } from '../../protocol/failures.ts';
import { type GrowingFile, growingBytes } from '../files/growing-file.ts';
import { Refusal } from '../request/failure.ts';
import { packedCompression, packedMagicBytes } from './packed-compression.ts';

interface FileOptions {
  /** For messages, such as `"files.tar"`. */
  readonly name: string;
  readonly signal: AbortSignal;
  /** See DecompressOptions. */
  readonly mostGrowth?: number;
  /** It lies in the store: a link or a pipe in its place is damage. Default: false. */
  readonly isOurs?: boolean;
  /** It is still being written. */
  readonly growing?: GrowingFile | undefined;
  /** It is a packed layer. Default: false. */
  readonly isPacked?: boolean;
}

/**
 * The decompressed bytes of a file, whatever it is compressed with.
 *
 * @throws Refusal for damaged files, for files that grow out of all proportion, and for kinds of xz that cannot be read
 */
export async function* decompressFile(file: string, options: FileOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { name, signal, mostGrowth, growing, isOurs = false } = options;
  if (isOurs && growing === undefined) refuseOther(file, name);
  const { source, compression, sizeBytes } = await openCompressed(file, options);
  try {
    yield* decompress(source, compression, { signal, sizeBytes, ...(mostGrowth !== undefined && { mostGrowth }) });
  } catch (error) {
    throw error instanceof DecompressError ? refusal(error, name) : error;
  }
}

function refuseOther(file: string, name: string): void {
  if (!lstatSync(file).isFile()) {
    throw new Refusal('archive-invalid', `Cannot unpack ${name}: something else has the place of its file`);
  }
}

interface CompressedBytes {
  readonly source: AsyncIterable<Uint8Array>;
  readonly compression: Compression;
  readonly sizeBytes: number;
}

async function openCompressed(file: string, { signal, growing, isPacked = false }: FileOptions): Promise<CompressedBytes> {
  if (growing === undefined) {
    const found = await inspect(file, isPacked ? packedCompression : compressionOf);
    return { source: fileBytes(file, { highWaterMark: 1 << 20, signal }), ...found };
  }
  const { head, bytes } = await sniff(growingBytes(file, growing, signal), magicBytes);
  return { source: bytes, compression: compressionOf(head), sizeBytes: growing.sizeBytes };
}

async function inspect(
  file: string,
  compressionOfStart: (start: Buffer) => Compression,
): Promise<{ readonly compression: Compression; readonly sizeBytes: number }> {
  await using handle = await open(file);
  const length = Math.max(magicBytes, packedMagicBytes);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
  return { compression: compressionOfStart(buffer.subarray(0, bytesRead)), sizeBytes: (await handle.stat()).size };
}

const codes: Readonly<Record<DecompressErrorCode, RefusalCode>> = {
  damaged: 'archive-invalid',
  'too-large': 'archive-too-large',
  unsupported: 'unsupported-compression',
};

function refusal({ code, message, hint }: DecompressError, name: string): Refusal {
  return new Refusal(codes[code], `Cannot unpack ${name}: ${message}`, hint);
}
