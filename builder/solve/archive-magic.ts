/** How many bytes of a file say whether ADD unpacks it: one tar header. */
export const sniffedBytes = 512;

/** gzip, bzip2, xz and zstd, by their first bytes. */
const compressedMagic: readonly Uint8Array[] = [
  Uint8Array.of(0x1f, 0x8b, 0x08),
  Uint8Array.of(0x42, 0x5a, 0x68),
  Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00),
  Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd),
];

const checksumField = { start: 148, end: 156 } as const;

/**
 * True for files that ADD treats as archives, judged by content and never by name: a tar header with the right checksum, or something
 * compressed. What is compressed but holds no tar is found out when it is unpacked, and copied as a file then.
 */
export function looksLikeArchive(bytes: Uint8Array): boolean {
  return compressedMagic.some((magic) => magic.every((byte, index) => bytes[index] === byte)) || isTarHeader(bytes);
}

/** The checksum is the sum of all bytes with its own field as blanks. (tar(5), "Pre-POSIX Archives") */
function isTarHeader(bytes: Uint8Array): boolean {
  if (bytes.length < sniffedBytes || bytes[0] === 0) return false;
  const text = Buffer.from(bytes.subarray(checksumField.start, checksumField.end)).toString('latin1');
  const stated = /^ *([0-7]+)[\0 ]/.exec(text)?.[1];
  if (stated === undefined) return false;
  let sum = 0;
  for (const [index, byte] of bytes.entries()) sum += index >= checksumField.start && index < checksumField.end ? 0x20 : byte;
  return sum === Number.parseInt(stated, 8);
}
