import { lstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Compression, compressionOf, magicBytes } from '../../../registry/oci/compression/compression-of.ts';
import { decompress } from '../../../registry/oci/compression/decompress.ts';
import { DecompressError, type DecompressErrorCode } from '../../../registry/oci/compression/decompress-error.ts';
import { fileBytes } from '../../../registry/oci/files/file-bytes.ts';
import type { RefusalCode } from '../../protocol/failures.ts';
import { Refusal } from '../request/failure.ts';

interface FileOptions {
  /** For messages, such as `"files.tar"`. */
  readonly name: string;
  readonly signal: AbortSignal;
  /** See DecompressOptions. */
  readonly mostGrowth?: number;
  /** It lies in the store: a link or a pipe in its place is damage. Default: false. */
  readonly isOurs?: boolean;
}

/**
 * The decompressed bytes of a file, whatever it is compressed with.
 *
 * @throws Refusal for damaged files, for files that grow out of all proportion, and for kinds of xz that cannot be read
 */
export async function* decompressFile(file: string, options: FileOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { name, signal, isOurs = false } = options;
  if (isOurs) refuseOther(file, name);
  const { compression, sizeBytes } = await inspect(file);
  const source = fileBytes(file, { highWaterMark: 1 << 20, signal });
  try {
    yield* decompress(source, compression, { ...options, sizeBytes });
  } catch (error) {
    throw error instanceof DecompressError ? refusal(error, name) : error;
  }
}

function refuseOther(file: string, name: string): void {
  if (!lstatSync(file).isFile()) {
    throw new Refusal('archive-invalid', `Cannot unpack ${name}: something else has the place of its file`);
  }
}

async function inspect(file: string): Promise<{ readonly compression: Compression; readonly sizeBytes: number }> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(magicBytes), 0, magicBytes, 0);
  return { compression: compressionOf(buffer.subarray(0, bytesRead)), sizeBytes: (await handle.stat()).size };
}

const codes: Readonly<Record<DecompressErrorCode, RefusalCode>> = {
  damaged: 'archive-invalid',
  'too-large': 'archive-too-large',
  unsupported: 'unsupported-compression',
};

function refusal({ code, message, hint }: DecompressError, name: string): Refusal {
  return new Refusal(codes[code], `Cannot unpack ${name}: ${message}`, hint);
}
