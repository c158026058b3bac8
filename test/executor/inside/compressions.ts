import type { BlockCompression } from '../../../executor/inside/compress/block-compressor.ts';

/** gzip as layout 1 has it. */
export const gzip = (level: number): BlockCompression => ({
  kind: 'gzip',
  compressor: 'libdeflate 0.1.0',
  level,
  cut: 'entries-1m',
});

/** zstd as layout 1 has it. */
export const zstd = (level: number): BlockCompression => ({ kind: 'zstd', compressor: 'zstd 1.5.7', level, cut: 'entries-1m' });
