import { addressOf } from '../libc.ts';

/** Memory at a place that the kernel can be told. It must be kept alive while the kernel works with it. */
export class PlacedMemory {
  /** Whatever was there before. */
  readonly bytes: Buffer;
  readonly address: number;

  /** `isShared`: threads that are sent the memory have the same. */
  constructor(length: number, { isShared = false }: { readonly isShared?: boolean | undefined } = {}) {
    // Not from Buffer's pool: while the kernel works with this memory, nothing else may lie in it.
    this.bytes = isShared ? Buffer.from(new SharedArrayBuffer(length)) : Buffer.allocUnsafeSlow(length);
    // Addresses have 47 or 48 bits, so that numbers hold them.
    this.address = Number(addressOf(this.bytes));
  }

  /** A part of it. Much faster than subarray(), which makes another Buffer. */
  view(start: number, length: number): Uint8Array {
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + start, length);
  }
}

/** Puts an integer of at most 53 bits as a word of 64, in two halves: making a bigint of each costs more than all the rest. */
export function putWord(words: Uint32Array, at: number, value: number): void {
  words[at] = value;
  // Rounded down, so that both halves of a negative number are right too.
  words[at + 1] = Math.floor(value / 2 ** 32);
}
