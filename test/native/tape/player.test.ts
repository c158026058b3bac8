import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Architecture, syscallNumber } from '../../../native/syscall-numbers.ts';
import { assembleTape, currentEntry, relocate, TAPE_LAYOUT, unfinished } from '../../../native/tape/assemble.ts';
import { playerCode } from '../../../native/tape/player.ts';
import type { TapeEntry } from '../../../native/tape/tape.ts';
import { requires } from '../../support/requires.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type FakeKernel, interpretArm64 } from '../arm64-interpreter.ts';
import { tapeProgram } from './tape-program.ts';

/** A tape that uses everything the player can do: results, failures that are ignored, alternatives, a least result. */
const demonstration: readonly TapeEntry[] = [
  { syscall: 'openat', args: [-100, '/dev/null', 2, 0] },
  { syscall: 'dup3', args: [{ kind: 'result', entry: 0 }, 40, 0] },
  { syscall: 'write', args: [40, 'lost', 4], atLeast: 4 },
  { syscall: 'chdir', args: ['/does/not/exist'], mayFail: true },
  {
    syscall: 'chdir',
    args: ['/does/not/exist'],
    otherwise: [
      { syscall: 'write', args: [1, 'alternative ', 12] },
      { syscall: 'chdir', args: ['/neither'], mayFail: true },
    ],
  },
  { syscall: 'chdir', args: ['/'], otherwise: [{ syscall: 'write', args: [1, 'wrong', 5] }] },
  { syscall: 'write', args: [1, 'end', 3] },
];

const endings: readonly [name: string, entry: TapeEntry, status: number][] = [
  ['goes on to the end', { syscall: 'exit_group', args: [7] }, 7],
  ['stops at a failure', { syscall: 'chdir', args: ['/does/not/exist'] }, 127],
  ['stops at a result that is too small', { syscall: 'read', args: [40, new Uint8Array(8), 1], atLeast: 1 }, 127],
];

const emulators: readonly [architecture: Architecture, tool: string | undefined][] = [
  ['x64', process.arch === 'x64' ? undefined : 'qemu-x86_64-static'],
  ['arm64', process.arch === 'arm64' ? undefined : 'qemu-aarch64-static'],
];

for (const [architecture, emulator] of emulators) {
  for (const [name, ending, status] of endings) {
    test(`the player for ${architecture} ${name}`, emulator === undefined ? {} : requires(`tool:${emulator}`), () => {
      using folder = temporaryFolder('player');
      const program = folder.at('program');
      writeFileSync(program, tapeProgram([...demonstration, ending], architecture), { mode: 0o755 });
      const [command = program, ...args] = emulator === undefined ? [program] : [emulator, program];
      const result = spawnSync(command, args, { encoding: 'utf8' });
      assert.deepEqual([result.stdout, result.stderr, result.status], ['alternative end', '', status]);
    });
  }
}

/** Plays a tape in the interpreter, with results by the name of the call; gives the trace and what the header says at the end. */
function interpret(
  tape: readonly TapeEntry[],
  results: Readonly<Record<string, bigint>>,
): { trace: readonly (readonly [number, bigint])[]; failed: string | undefined; result: bigint } {
  const assembled = assembleTape(tape, 'arm64');
  const base = 0x7000_1000n;
  const memory = Buffer.alloc(assembled.bytes.length);
  relocate(assembled, base, memory);
  const trace: [number, bigint][] = [];
  const kernel: FakeKernel = (number, args) => {
    trace.push([number, args[0] ?? 0n]);
    const name = tape.find((entry) => syscallNumber(entry.syscall, 'arm64') === number)?.syscall;
    return number === syscallNumber('exit_group', 'arm64') ? undefined : (results[name ?? ''] ?? 0n);
  };
  interpretArm64(playerCode('arm64'), { memory, base }, kernel);
  const result = memory.readBigInt64LE(TAPE_LAYOUT.finalResult);
  const failed = result === unfinished ? undefined : currentEntry(assembled, base, memory)?.syscall;
  return { trace, failed, result };
}

test('the arm64 player passes arguments and results, and reports the entry that failed', () => {
  const tape: readonly TapeEntry[] = [
    { syscall: 'getpid', args: [] },
    { syscall: 'kill', args: [{ kind: 'result', entry: 0 }, 0], mayFail: true },
    { syscall: 'setresuid', args: [11, 12, 13] },
    { syscall: 'chdir', args: [5] },
    { syscall: 'exit_group', args: [3] },
  ];
  const played = interpret(tape, { getpid: 77n, kill: -3n, setresuid: 0n, chdir: -2n });
  assert.deepEqual(played, {
    trace: [
      [172, 0n],
      [129, 77n],
      [147, 11n],
      [49, 5n],
      [94, 127n],
    ],
    failed: 'chdir',
    result: -2n,
  });
});

test('the arm64 player ends where the tape ends', () => {
  const tape: readonly TapeEntry[] = [
    { syscall: 'read', args: [1], atLeast: 1 },
    { syscall: 'exit_group', args: [3] },
  ];
  assert.deepEqual(interpret(tape, { read: 1n }), {
    trace: [
      [63, 1n],
      [94, 3n],
    ],
    failed: undefined,
    result: unfinished,
  });
  assert.deepEqual(interpret(tape, { read: 0n }).failed, 'read');
});
