import type { Compression } from '../../../registry/oci/compression/compression-of.ts';
import { gzipHeader } from './gzip-member.ts';

/** How many bytes tell how a packed layer is compressed. */
export const packedMagicBytes: number = gzipHeader.length;

const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/**
 * How a packed layer is compressed, which is a tar or what was made of one here. A tar begins with a name, which may be that of any file and look like the
 * magic number of something else: but names are padded with zeros, and the first one of a layer has no folder before it, as these have.
 */
export function packedCompression(start: Buffer): Compression {
  if (start.subarray(0, packedMagicBytes).equals(gzipHeader)) return 'gzip';
  return start.subarray(0, zstdMagic.length).equals(zstdMagic) ? 'zstd' : 'none';
}
