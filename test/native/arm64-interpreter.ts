/** A kernel for the interpreter: gets the number and the six arguments, gives the result, or undefined to end the run. */
export type FakeKernel = (number: number, args: readonly bigint[]) => bigint | undefined;

/** What code is run on: `memory`, which it sees at `base` and gets as its first argument, and a second argument. */
export interface Arm64Input {
  readonly memory: Buffer;
  readonly base: bigint;
  readonly second?: bigint;
}

/**
 * Runs arm64 machine code until it returns or the kernel ends it. It knows the instructions of the two players and throws on any other.
 * (Arm Architecture Reference Manual, A64)
 */
export function interpretArm64(
  code: Uint8Array,
  { memory, base: memoryBase, second = 0n }: Arm64Input,
  kernel: FakeKernel,
): void {
  const registers = Array.from({ length: 31 }, () => 0xdead_dead_dead_deadn);
  const get = (index: number): bigint => registers[index] ?? 0n;
  const set = (index: number, value: bigint): void => {
    registers[index] = BigInt.asUintN(64, value);
  };
  const offsetOf = (base: number, offset: number): number => Number(get(base) + BigInt(offset) - memoryBase);
  const load = (to: number, base: number, offset: number): void => set(to, memory.readBigUInt64LE(offsetOf(base, offset)));
  const words = Buffer.from(code);
  let isLess = false;
  set(0, memoryBase);
  set(1, second);
  for (let pc = 0, steps = 0; steps < 100_000; steps++) {
    const word = words.readUInt32LE(pc * 4);
    const [low, middle, high] = [word & 31, (word >>> 5) & 31, (word >>> 16) & 31];
    const immediate12 = (word >>> 10) & 0xfff;
    const is = (mask: number, pattern: number): boolean => (word & mask) >>> 0 === pattern;
    pc += 1;
    if (is(0xffe0ffe0, 0xaa0003e0)) set(low, get(high));
    else if (is(0xffe00000, 0xd2800000)) set(low, BigInt((word >>> 5) & 0xffff));
    else if (is(0xffe00000, 0x92800000)) set(low, ~BigInt((word >>> 5) & 0xffff));
    else if (is(0xffc00000, 0x91000000)) set(low, get(middle) + BigInt(immediate12));
    else if (is(0xffc00000, 0xd1000000)) set(low, get(middle) - BigInt(immediate12));
    else if (is(0xffc00000, 0xf9400000)) load(low, middle, immediate12 * 8);
    else if (is(0xffc00000, 0xf9000000)) memory.writeBigUInt64LE(get(low), offsetOf(middle, immediate12 * 8));
    else if (is(0xffc00000, 0xa9400000)) {
      const offset = signed(word >>> 15, 7);
      load(low, middle, offset * 8);
      load((word >>> 10) & 31, middle, offset * 8 + 8);
    } else if (is(0xffe0fc1f, 0xeb00001f)) isLess = BigInt.asIntN(64, get(middle)) < BigInt.asIntN(64, get(high));
    else if (is(0xff00001f, 0x5400000b)) pc += isLess ? signed(word >>> 5, 19) - 1 : 0;
    else if (is(0xff000000, 0xb4000000)) pc += get(low) === 0n ? signed(word >>> 5, 19) - 1 : 0;
    else if (is(0xff000000, 0xb5000000)) pc += get(low) !== 0n ? signed(word >>> 5, 19) - 1 : 0;
    else if (is(0xff000000, 0x36000000)) {
      pc += ((get(low) >> BigInt((word >>> 19) & 31)) & 1n) === 0n ? signed(word >>> 5, 14) - 1 : 0;
    } else if (is(0xfc000000, 0x14000000)) pc += signed(word, 26) - 1;
    else if (word === 0xd65f03c0) return;
    else if (word === 0xd4000001) {
      const result = kernel(Number(get(8)), [0, 1, 2, 3, 4, 5].map(get));
      if (result === undefined) return;
      set(0, result);
    } else {
      throw new Error(`Unknown instruction ${word.toString(16)} at ${(pc - 1) * 4}`);
    }
  }
  throw new Error('The code does not end');
}

/** The lowest bits as a number with a sign. */
function signed(word: number, bits: number): number {
  return (word << (32 - bits)) >> (32 - bits);
}
