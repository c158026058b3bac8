// Encodings from the Arm Architecture Reference Manual (A64), 64-bit registers, offsets of branches in instructions.

export const supervisorCall = 0xd4000001;
export const returnToCaller = 0xd65f03c0;

export const move = (to: number, from: number): number => 0xaa0003e0 | (from << 16) | to;
/** All bits but those of `value`. */
export const moveInverted = (to: number, value: number): number => 0x92800000 | (value << 5) | to;
export const moveImmediate = (to: number, value: number): number => 0xd2800000 | (value << 5) | to;
export const addImmediate = (to: number, from: number, value: number): number => 0x91000000 | (value << 10) | (from << 5) | to;
export const subtractImmediate = (to: number, from: number, value: number): number =>
  0xd1000000 | (value << 10) | (from << 5) | to;
export const load = (to: number, base: number, offset: number): number => 0xf9400000 | ((offset / 8) << 10) | (base << 5) | to;
export const store = (from: number, base: number, offset: number): number =>
  0xf9000000 | ((offset / 8) << 10) | (base << 5) | from;
export const loadPair = (first: number, second: number, base: number, offset: number): number =>
  0xa9400000 | ((offset / 8) << 15) | (second << 10) | (base << 5) | first;
export const compare = (left: number, right: number): number => 0xeb00001f | (right << 16) | (left << 5);
export const branchIfLess = (by: number): number => 0x5400000b | ((by & 0x7ffff) << 5);
export const branchIfZero = (register: number, by: number): number => 0xb4000000 | ((by & 0x7ffff) << 5) | register;
export const branchIfNotZero = (register: number, by: number): number => 0xb5000000 | ((by & 0x7ffff) << 5) | register;
/** For bits 0 to 31. */
export const branchIfBitClear = (register: number, bit: number, by: number): number =>
  0x36000000 | (bit << 19) | ((by & 0x3fff) << 5) | register;
export const branch = (by: number): number => 0x14000000 | (by & 0x3ffffff);

/** The bytes of instructions. */
export function instructions(words: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => bytes.writeUInt32LE(word >>> 0, index * 4));
  return bytes;
}
