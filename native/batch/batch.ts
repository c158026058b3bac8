import { addressOf, nativeFunction, nativeFunctionAsync } from '../libc.ts';
import { executable } from '../machine-code/executable.ts';
import { currentArchitecture, type SyscallName, syscallNumber } from '../syscall-numbers.ts';
import { putWord } from './placed-memory.ts';
import { BATCH_LAYOUT, batchPlayerCode, givesDescriptor, usesDescriptor } from './player.ts';

/** One system call of a series. Bytes become pointers to them, and what is not given is 0. */
export interface BatchCall {
  readonly syscall: SyscallName;
  readonly args: readonly (number | Uint8Array)[];
  /** `gives`: later calls of the series that say `uses` get the result as their first argument. */
  readonly descriptor?: 'gives' | 'uses';
}

/** An argument of a call, both counted from 0. */
export interface ArgumentPlace {
  readonly call: number;
  readonly argument: number;
}

/**
 * The same series of system calls, many times with other arguments, made in one go. The way from JavaScript to the kernel and back
 * takes longer than most calls on files, and for a context of tens of thousands of files that is most of the time. Nothing is retried and
 * nothing thrown: whoever looks at the results does what is out of the ordinary again, one call after the other.
 */
export class SyscallBatch {
  readonly #words: Uint32Array;
  readonly #seriesWords: number;
  readonly #seriesLength: number;
  /** What the calls point to, which must live as long as they. */
  readonly pointees: readonly Uint8Array[];

  constructor(series: readonly BatchCall[], capacity: number) {
    this.#seriesLength = series.length;
    this.#seriesWords = (series.length * BATCH_LAYOUT.entryBytes) / 4;
    this.pointees = series.flatMap(({ args }) => args.filter((argument) => argument instanceof Uint8Array));
    this.#words = repeat(encode(series), capacity);
  }

  /** Sets an argument in the series at `index`. Numbers are addresses, lengths and the like, from 0 to 2^53. */
  set(index: number, { call, argument }: ArgumentPlace, value: number): void {
    const at = this.#wordOf(index, call, BATCH_LAYOUT.arguments + argument * 8);
    putWord(this.#words, at, value);
  }

  /** What a call gave: a number up to 2^31, or a negated errno. */
  result(index: number, call: number): number {
    return (this.#words[this.#wordOf(index, call, BATCH_LAYOUT.result)] ?? 0) | 0;
  }

  /** Makes the calls of the first `count` series. */
  play(count: number): void {
    if (count > 0) {
      players.now ??= nativeFunction(playerAddress(), prototype);
      players.now(this.#words, count * this.#seriesLength);
    }
  }

  /** As play(), on a thread of libuv's pool. Neither the batch nor what it points to may be touched until the promise settles. */
  async playInBackground(count: number): Promise<void> {
    if (count > 0) {
      players.background ??= nativeFunctionAsync(playerAddress(), prototype);
      await players.background(this.#words, count * this.#seriesLength);
    }
  }

  #wordOf(index: number, call: number, offset: number): number {
    return index * this.#seriesWords + (call * BATCH_LAYOUT.entryBytes + offset) / 4;
  }
}

const prototype = 'void tsbuild_play_batch(void *entries, int64_t count)';

const players: {
  address?: bigint;
  now?: ReturnType<typeof nativeFunction>;
  background?: ReturnType<typeof nativeFunctionAsync>;
} = {};

function playerAddress(): bigint {
  players.address ??= executable(batchPlayerCode(currentArchitecture()));
  return players.address;
}

function encode(series: readonly BatchCall[]): Buffer {
  const bytes = Buffer.alloc(series.length * BATCH_LAYOUT.entryBytes);
  for (const [index, { syscall, args, descriptor }] of series.entries()) {
    const start = index * BATCH_LAYOUT.entryBytes;
    bytes.writeBigInt64LE(BigInt(syscallNumber(syscall, currentArchitecture())), start + BATCH_LAYOUT.number);
    for (const [position, argument] of args.entries()) {
      const value = typeof argument === 'number' ? BigInt(argument) : addressOf(argument);
      bytes.writeBigInt64LE(value, start + BATCH_LAYOUT.arguments + position * 8);
    }
    bytes.writeBigInt64LE(BigInt(descriptorFlags(descriptor)), start + BATCH_LAYOUT.flags);
  }
  return bytes;
}

function descriptorFlags(descriptor: BatchCall['descriptor']): number {
  switch (descriptor) {
    case 'gives':
      return givesDescriptor;
    case 'uses':
      return usesDescriptor;
    case undefined:
      return 0;
    default:
      throw new Error(`Unexpected descriptor ${String(descriptor satisfies never)}`);
  }
}

function repeat(bytes: Buffer, times: number): Uint32Array {
  const all = Buffer.allocUnsafeSlow(bytes.length * times).fill(bytes);
  return new Uint32Array(all.buffer, all.byteOffset, all.length / 4);
}
