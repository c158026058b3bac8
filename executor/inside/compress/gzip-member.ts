import { crc32 } from 'node:zlib';
import { type DeflateOptions, deflateSync } from 'fflate';

/** RFC 1952: deflate, no flags, no time, no hint of the compressor, and 255 for "unknown" as the operating system, as Go writes. */
const header = Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff]);

/**
 * Makes complete gzip members. The compressor is JavaScript and its version is pinned, so that the bytes depend on the input and the level
 * alone, and not on Node's zlib or the processor; members of a fixed size make them independent of the number of threads.
 *
 * @throws RangeError for levels but 0 to 9
 */
export function gzipMembers(level: number): (input: Uint8Array) => Uint8Array {
  const options = { level: deflateLevel(level) };
  return (input) => gzipMember(input, options);
}

function gzipMember(input: Uint8Array, options: DeflateOptions): Uint8Array {
  const deflated = deflateSync(input, options);
  const member = Buffer.allocUnsafeSlow(header.length + deflated.length + 8);
  header.copy(member);
  member.set(deflated, header.length);
  member.writeUInt32LE(crc32(input), member.length - 8);
  member.writeUInt32LE(input.length >>> 0, member.length - 4);
  return member;
}

type DeflateLevel = NonNullable<DeflateOptions['level']>;
const levels: readonly DeflateLevel[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

function deflateLevel(level: number): DeflateLevel {
  const known = levels[level];
  if (known === undefined) {
    throw new RangeError(`Cannot compress with gzip level ${level}: levels are 0 to 9`);
  }
  return known;
}
