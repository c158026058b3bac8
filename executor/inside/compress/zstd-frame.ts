import { compress, init } from '@bokuweb/zstd-wasm';

// A second init would replace the memory that a compressor is working in.
let ready: Promise<void> | undefined;

/**
 * Makes complete zstd frames. The compressor is the zstd library as WebAssembly, which computes the same everywhere, and its version is
 * pinned. A frame says how long its content is and has no checksum, since the digest of the layer is one (RFC 8878, section 3.1.1).
 *
 * @throws RangeError for levels but 1 to 22
 */
export async function zstdFrames(level: number): Promise<(input: Uint8Array) => Uint8Array> {
  if (!Number.isInteger(level) || level < 1 || level > 22) {
    throw new RangeError(`Cannot compress with zstd level ${level}: levels are 1 to 22`);
  }
  ready ??= init();
  await ready;
  return (input) => compress(input, level);
}
