import { TarError } from './tar-error.ts';

/** Everything in an archive is a multiple of this many bytes. */
export const blockSize = 512;

/** Offset and length of the fields of a header block. (tar(5), "POSIX ustar Archives") */
export const field = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  target: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const;

type Field = readonly [offset: number, length: number];

/** The bytes of a text field up to its first NUL, one character for each byte. */
export function textField(block: Buffer, [offset, length]: Field): string {
  const end = block.indexOf(0, offset);
  return block.toString('latin1', offset, end === -1 || end > offset + length ? offset + length : end);
}

/** A number field: octal digits, or base-256 as GNU tar and star write large and negative numbers. */
export function numberField(block: Buffer, [offset, length]: Field): number {
  return ((block[offset] ?? 0) & 0x80) === 0 ? octal(block, offset, length) : base256(block, offset, length);
}

function octal(block: Buffer, offset: number, length: number): number {
  let at = offset;
  const end = offset + length;
  while (at < end && isPadding(block[at])) at += 1;
  let value = 0;
  for (; at < end && !isPadding(block[at]); at += 1) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) {
      throw new TarError('invalid-header', `a number in a header holds the byte 0x${(block[at] ?? 0).toString(16)}`);
    }
    value = value * 8 + digit;
  }
  return value;
}

function isPadding(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0;
}

/** Two's complement, big-endian; the first bit only marks the encoding, the second is the sign. */
function base256(block: Buffer, offset: number, length: number): number {
  const isNegative = ((block[offset] ?? 0) & 0x40) !== 0;
  const flip = isNegative ? 0xff : 0;
  let value = ((block[offset] ?? 0) ^ flip) & 0x7f;
  for (let at = offset + 1; at < offset + length; at += 1) value = value * 256 + ((block[at] ?? 0) ^ flip);
  if (value >= Number.MAX_SAFE_INTEGER) throw new TarError('too-large', 'a number in a header is above 2^53');
  return isNegative ? -value - 1 : value;
}

/**
 * True when the checksum of a header block is right: the sum of its bytes, the checksum itself taken as spaces. Old tars summed
 * signed bytes, so both sums count.
 */
export function isChecksumRight(block: Buffer): boolean {
  const wanted = numberField(block, field.checksum);
  const sum = checksumOf(block);
  return wanted === sum || wanted === sum - 256 * highBytes(block);
}

/** The checksum that belongs to a block. */
function checksumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < blockSize; at += 1) sum += block[at] ?? 0;
  for (let at = field.checksum[0]; at < field.type[0]; at += 1) sum -= block[at] ?? 0;
  return sum;
}

function highBytes(block: Buffer): number {
  return block.subarray(0, blockSize).filter((byte, at) => byte > 0x7f && (at < field.checksum[0] || at >= field.type[0])).length;
}

const zeroBlock = Buffer.alloc(blockSize);

/** True for a block of zeros, two of which end an archive. */
export function isZeroBlock(block: Buffer): boolean {
  return block[0] === 0 && block.equals(zeroBlock);
}

/** How many zeros follow `size` bytes of content. */
export function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

/** What ends an archive: two blocks of zeros, without more padding. */
export const endOfArchive: Readonly<Uint8Array> = Buffer.alloc(2 * blockSize);
