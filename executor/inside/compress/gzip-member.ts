import { crc32 } from 'node:zlib';
import { isDense } from './is-dense.ts';
import { Libdeflate } from './libdeflate.ts';

/** RFC 1952: deflate, no flags, no time, no hint of the compressor, and 255 for "unknown" as the operating system, as Go writes. */
export const gzipHeader: Buffer = Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff]);

/**
 * Makes complete gzip members. The compressor is libdeflate as WebAssembly, which computes the same everywhere, and its version is pinned, so
 * that the bytes depend on the input and the level alone, and not on Node's zlib or the processor. What does not shrink is stored: at once if
 * it looks so, else as libdeflate decides for each of its blocks.
 *
 * @throws RangeError for levels but 0 to 9
 */
export function gzipMembers(level: number): (input: Uint8Array) => Uint8Array {
  if (!Number.isInteger(level) || level < 0 || level > 9) {
    throw new RangeError(`Cannot compress with gzip level ${level}: levels are 0 to 9`);
  }
  const libdeflate = new Libdeflate();
  return (input) => gzipMember(input, libdeflate.deflate(input, isDense(input) ? 0 : level));
}

function gzipMember(input: Uint8Array, deflated: Uint8Array): Uint8Array {
  const member = Buffer.allocUnsafeSlow(gzipHeader.length + deflated.length + 8);
  gzipHeader.copy(member);
  member.set(deflated, gzipHeader.length);
  member.writeUInt32LE(crc32(input), member.length - 8);
  member.writeUInt32LE(input.length >>> 0, member.length - 4);
  return member;
}
