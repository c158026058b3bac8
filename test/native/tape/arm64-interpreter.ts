/** A kernel for the interpreter: gets the number and the six arguments, gives the result, or undefined to end the run. */
export type FakeKernel = (number: number, args: readonly bigint[]) => bigint | undefined;

/**
 * Runs arm64 machine code over `memory`, which the code sees at `base`. It knows the instructions of the tape's player and throws on
 * any other. (Arm Architecture Reference Manual, A64)
 */
export function interpretArm64(code: Uint8Array, tape: { memory: Buffer; base: bigint }, kernel: FakeKernel): void {
  const registers = Array.from({ length: 31 }, () => 0xdead_dead_dead_deadn);
  const get = (index: number): bigint => registers[index] ?? 0n;
  const set = (index: number, value: bigint): void => {
    registers[index] = BigInt.asUintN(64, value);
  };
  const offsetOf = (base: number, offset: number): number => Number(get(base) + BigInt(offset) - tape.base);
  const load = (to: number, base: number, offset: number): void => set(to, tape.memory.readBigUInt64LE(offsetOf(base, offset)));
  const words = Buffer.from(code);
  let isLess = false;
  set(0, tape.base);
  for (let pc = 0, steps = 0; steps < 100_000; steps++) {
    const word = words.readUInt32LE(pc * 4);
    const [low, middle, high] = [word & 31, (word >>> 5) & 31, (word >>> 16) & 31];
    const immediate12 = (word >>> 10) & 0xfff;
    pc += 1;
    if ((word & 0xffe0ffe0) >>> 0 === 0xaa0003e0) {
      set(low, get(high));
    } else if ((word & 0xffe00000) >>> 0 === 0xd2800000) {
      set(low, BigInt((word >>> 5) & 0xffff));
    } else if ((word & 0xffc00000) >>> 0 === 0x91000000) {
      set(low, get(middle) + BigInt(immediate12));
    } else if ((word & 0xffc00000) >>> 0 === 0xf9400000) {
      load(low, middle, immediate12 * 8);
    } else if ((word & 0xffc00000) >>> 0 === 0xf9000000) {
      tape.memory.writeBigUInt64LE(get(low), offsetOf(middle, immediate12 * 8));
    } else if ((word & 0xffc00000) >>> 0 === 0xa9400000) {
      const offset = (((word >>> 15) & 0x7f) << 25) >> 25;
      load(low, middle, offset * 8);
      load((word >>> 10) & 31, middle, offset * 8 + 8);
    } else if ((word & 0xffe0fc1f) >>> 0 === 0xeb00001f) {
      isLess = BigInt.asIntN(64, get(middle)) < BigInt.asIntN(64, get(high));
    } else if ((word & 0xff00001f) >>> 0 === 0x5400000b) {
      pc += isLess ? signed19(word) - 1 : 0;
    } else if ((word & 0xff000000) >>> 0 === 0xb4000000) {
      pc += get(low) === 0n ? signed19(word) - 1 : 0;
    } else if ((word & 0xfc000000) >>> 0 === 0x14000000) {
      pc += ((word << 6) >> 6) - 1;
    } else if (word === 0xd4000001) {
      const result = kernel(Number(get(8)), [0, 1, 2, 3, 4, 5].map(get));
      if (result === undefined) {
        return;
      }
      set(0, result);
    } else {
      throw new Error(`Unknown instruction ${word.toString(16)} at ${(pc - 1) * 4}`);
    }
  }
  throw new Error('The code does not end');
}

function signed19(word: number): number {
  return (((word >>> 5) & 0x7ffff) << 13) >> 13;
}
