import { open } from 'node:fs/promises';
import { compressionOf } from '../../registry/oci/compression/compression-of.ts';

/** How many bytes of a file say whether ADD unpacks it: one tar header. */
export const sniffedBytes = 512;

const checksumField = { start: 148, end: 156 } as const;

/**
 * True for files that ADD treats as archives, judged by content and never by name: a tar header with the right checksum, or something
 * compressed. What is compressed but holds no tar is found out when it is unpacked, and copied as a file then.
 */
export function looksLikeArchive(bytes: Uint8Array): boolean {
  return compressionOf(bytes) !== 'none' || isTarHeader(bytes);
}

/** The checksum is the sum of all bytes with its own field as blanks. (tar(5), "Pre-POSIX Archives") */
function isTarHeader(bytes: Uint8Array): boolean {
  if (bytes.length < sniffedBytes) return false;
  const text = Buffer.from(bytes.subarray(checksumField.start, checksumField.end)).toString('latin1');
  const stated = /^ *([0-7]+)[\0 ]/.exec(text)?.[1];
  if (stated === undefined) return false;
  let sum = 0;
  for (const [index, byte] of bytes.entries()) sum += index >= checksumField.start && index < checksumField.end ? 0x20 : byte;
  return sum === Number.parseInt(stated, 8);
}

/** True for a file whose content looks like an archive. */
export async function isArchiveFile(file: string | Buffer): Promise<boolean> {
  await using handle = await open(file, 'r');
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(sniffedBytes), 0, sniffedBytes, 0);
  return looksLikeArchive(buffer.subarray(0, bytesRead));
}
