import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { BATCH_LAYOUT, batchPlayerCode, givesDescriptor, usesDescriptor } from '../../../native/batch/player.ts';
import { type Architecture, type SyscallName, syscallNumber } from '../../../native/syscall-numbers.ts';
import { requires } from '../../support/requires.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { interpretArm64 } from '../arm64-interpreter.ts';
import { elfProgram, loadAddressOf } from '../elf-program.ts';

/** A call with its arguments; text becomes the address of a C string. */
type Call = readonly [syscall: SyscallName, args: readonly (number | string)[], flags: number];

/** The entries of calls and, behind them, their strings, for an address. */
function layOut(calls: readonly Call[], architecture: Architecture, address: bigint): Buffer {
  const strings = calls.flatMap(([, args]) => args.filter((argument) => typeof argument === 'string'));
  const entries = Buffer.alloc(calls.length * BATCH_LAYOUT.entryBytes);
  const offsets = strings.map((_, index) => entries.length + strings.slice(0, index).join('\0').length + Math.min(index, 1));
  for (const [index, [syscall, args, flags]] of calls.entries()) {
    const start = index * BATCH_LAYOUT.entryBytes;
    entries.writeBigInt64LE(BigInt(syscallNumber(syscall, architecture)), start);
    for (const [position, argument] of args.entries()) {
      const value = typeof argument === 'number' ? BigInt(argument) : address + BigInt(offsets[strings.indexOf(argument)] ?? 0);
      entries.writeBigInt64LE(value, start + BATCH_LAYOUT.arguments + position * 8);
    }
    entries.writeBigInt64LE(BigInt(flags), start + BATCH_LAYOUT.flags);
  }
  return Buffer.concat([entries, Buffer.from(`${strings.join('\0')}\0`)]);
}

const emulators: readonly [architecture: Architecture, tool: string | undefined][] = [
  ['x64', process.arch === 'x64' ? undefined : 'qemu-x86_64-static'],
  ['arm64', process.arch === 'arm64' ? undefined : 'qemu-aarch64-static'],
];

/** Code that plays a batch and then, having come back, exits with 7. */
function playAndExit(count: number, dataDistance: number, architecture: Architecture): Buffer {
  const [exit, back] =
    architecture === 'x64'
      ? ['bf07000000b8e70000000f05', 12] // mov edi, 7; mov eax, 231; syscall
      : ['e00080d2c80b80d2010000d4', 12]; // mov x0, 7; mov x8, 94; svc
  const call =
    architecture === 'x64'
      ? Buffer.from([0xbe, count, 0, 0, 0, 0xe8, back, 0, 0, 0]) // mov esi, count; call player
      : words([0xd2800000 | (count << 5) | 1, 0x94000000 | (1 + back / 4)]); // mov x1, count; bl player
  return Buffer.concat([
    loadAddressOf(dataDistance, architecture),
    call,
    Buffer.from(exit, 'hex'),
    batchPlayerCode(architecture),
  ]);
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value >>> 0, index * 4));
  return bytes;
}

for (const [architecture, emulator] of emulators) {
  const settings = emulator === undefined ? {} : requires(`tool:${emulator}`);
  test(`the batch player for ${architecture} hands descriptors on, goes on after failures, and comes back`, settings, () => {
    using folder = temporaryFolder('batch');
    const calls: readonly Call[] = [
      ['write', [1, 'first ', 6], 0],
      // Opening fails, and so does what uses the descriptor: nothing is written.
      ['openat', [-100, '/does/not/exist', 2, 0], givesDescriptor],
      ['write', [1, 'lost ', 5], usesDescriptor],
      ['dup', [1], givesDescriptor],
      ['write', [-1, 'second ', 7], usesDescriptor],
      ['write', [-1, 'third', 5], usesDescriptor],
      ['close', [-1], usesDescriptor],
      ['write', [-1, 'closed', 6], usesDescriptor],
    ];
    const program = folder.at('program');
    const parts = {
      code: (distance: number) => playAndExit(calls.length, distance, architecture),
      data: (address: bigint) => layOut(calls, architecture, address),
    };
    writeFileSync(program, elfProgram(parts, architecture), { mode: 0o755 });
    const [command = program, ...args] = emulator === undefined ? [program] : [emulator, program];
    const result = spawnSync(command, args, { encoding: 'utf8' });
    assert.deepEqual([result.stdout, result.stderr, result.status], ['first second third', '', 7]);
  });
}

test('the batch player for arm64 passes arguments and leaves results', () => {
  const calls: readonly Call[] = [
    ['openat', [5, 11, 12, 13], givesDescriptor],
    ['read', [-1, 21, 22], usesDescriptor],
    ['openat', [6, 31], givesDescriptor],
    ['close', [-1], usesDescriptor],
    ['getpid', [], 0],
  ];
  const results = [40n, 3n, -2n, -9n, 77n];
  const base = 0x7000_1000n;
  const memory = layOut(calls, 'arm64', base);
  const trace: (readonly number[])[] = [];
  interpretArm64(batchPlayerCode('arm64'), { memory, base, second: BigInt(calls.length) }, (number, args) => {
    trace.push([number, ...args.slice(0, 3).map((argument) => Number(BigInt.asIntN(64, argument)))]);
    return results[trace.length - 1];
  });
  assert.deepEqual(trace, [
    [56, 5, 11, 12],
    [63, 40, 21, 22],
    [56, 6, 31, 0],
    [57, -2, 0, 0],
    [172, 0, 0, 0],
  ]);
  const left = calls.map((_, index) => memory.readBigInt64LE(index * BATCH_LAYOUT.entryBytes + BATCH_LAYOUT.result));
  assert.deepEqual(left, results);
});
