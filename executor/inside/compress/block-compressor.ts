import { unreachable } from '../../../registry/oci/unreachable.ts';
import type { LayerCompression } from '../../protocol/messages.ts';

/** A compression that works block by block. */
export type BlockCompression = Exclude<LayerCompression, { readonly kind: 'none' }>;

/** Compresses one block by itself. The result depends on the bytes and the compression alone, and may be the memory of the compressor. */
export type BlockCompressor = (input: Uint8Array) => Uint8Array;

/** Loads a compressor. @throws RangeError for a level that it does not have */
export async function blockCompressor(compression: BlockCompression): Promise<BlockCompressor> {
  switch (compression.compressor) {
    case 'libdeflate 0.1.0': {
      const { gzipMembers } = await import('./gzip-member.ts');
      return gzipMembers(compression.level);
    }
    case 'zstd 1.5.7': {
      const { zstdFrames } = await import('./zstd-frame.ts');
      return zstdFrames(compression.level);
    }
    default:
      return unreachable(compression);
  }
}
