/** How a file is compressed, told by its first bytes. */
export type Compression = 'none' | 'gzip' | 'bzip2' | 'xz' | 'zstd';

/** How many bytes of a file tell how it is compressed. */
export const magicBytes = 6;

const magics: readonly (readonly [compression: Compression, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

/** The compression of a file that begins with these bytes; `magicBytes` are enough. */
export function compressionOf(start: Uint8Array): Compression {
  const found = magics.find(([, bytes]) => bytes.every((byte, index) => start[index] === byte));
  // Frames that zstd readers skip may come first; their magic numbers differ in the last four bits.
  const isSkippable = ((start[0] ?? 0) & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18;
  return found?.[0] ?? (isSkippable ? 'zstd' : 'none');
}
