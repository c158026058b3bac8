import assert from 'node:assert/strict';
import { test } from 'node:test';
import { syscallNumber } from '../../../native/syscall-numbers.ts';
import {
  type AssembledTape,
  assembleTape,
  currentEntry,
  relocate,
  TAPE_LAYOUT,
  unfinished,
} from '../../../native/tape/assemble.ts';
import type { TapeEntry } from '../../../native/tape/tape.ts';

/** What an entry says in memory; addresses are relative to the tape. */
interface ReadEntry {
  readonly number: number;
  readonly arguments: readonly number[];
  readonly least: number;
  /** Index of the next entry, or of what is behind the last. */
  readonly next: number;
  readonly nextAfterFailure: number | undefined;
}

function entryOffset(index: number): number {
  return TAPE_LAYOUT.headerBytes + index * TAPE_LAYOUT.entryBytes;
}

function readEntry({ bytes }: AssembledTape, index: number): ReadEntry {
  const memory = Buffer.from(bytes);
  const word = (offset: number): number => Number(memory.readBigInt64LE(entryOffset(index) + offset));
  const indexAt = (offset: number): number => (word(offset) - TAPE_LAYOUT.headerBytes) / TAPE_LAYOUT.entryBytes;
  return {
    number: word(TAPE_LAYOUT.number),
    arguments: [0, 1, 2, 3, 4, 5].map((position) => word(TAPE_LAYOUT.arguments + position * 8)),
    least: word(TAPE_LAYOUT.least),
    next: indexAt(TAPE_LAYOUT.next),
    nextAfterFailure: word(TAPE_LAYOUT.nextAfterFailure) === 0 ? undefined : indexAt(TAPE_LAYOUT.nextAfterFailure),
  };
}

function textAt({ bytes }: AssembledTape, offset: number | undefined): string {
  const memory = Buffer.from(bytes);
  return memory.toString('latin1', offset, memory.indexOf(0, offset));
}

test('assembleTape() writes numbers, flags and negative descriptors as words', () => {
  const tape = assembleTape([{ syscall: 'openat', args: [-100, 0, 0xffff_ffff, 0o644] }], 'x64');
  assert.deepEqual(readEntry(tape, 0), {
    number: 257,
    arguments: [-100, 0, 0xffff_ffff, 0o644, 0, 0],
    least: 0,
    next: 1,
    nextAfterFailure: undefined,
  });
});

test('assembleTape() uses the numbers of the architecture', () => {
  const entries: readonly TapeEntry[] = [{ syscall: 'execve', args: [] }];
  assert.equal(readEntry(assembleTape(entries, 'x64'), 0).number, 59);
  assert.equal(readEntry(assembleTape(entries, 'arm64'), 0).number, 221);
});

test('assembleTape() points to strings and NULL-terminated lists', () => {
  const tape = assembleTape([{ syscall: 'execve', args: ['/bin/ä', ['a', Buffer.from([0xff])], []] }], 'x64');
  const [program, argv = 0, envp = 0] = readEntry(tape, 0).arguments;
  const memory = Buffer.from(tape.bytes);
  assert.equal(textAt(tape, program), Buffer.from('/bin/ä').toString('latin1'));
  const pointers = [0, 8, 16].map((offset) => Number(memory.readBigUInt64LE(argv + offset)));
  assert.deepEqual([textAt(tape, pointers[0]), textAt(tape, pointers[1]), pointers[2]], ['a', 'ÿ', 0]);
  assert.equal(memory.readBigUInt64LE(envp), 0n);
});

test('assembleTape() keeps bytes as they are and fills blocks with pointers', () => {
  const filter = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]);
  const program = { kind: 'block', parts: [Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), { kind: 'pointer', to: filter }] } as const;
  const tape = assembleTape([{ syscall: 'seccomp', args: [1, 0, program] }], 'x64');
  const memory = Buffer.from(tape.bytes);
  const address = readEntry(tape, 0).arguments[2] ?? 0;
  assert.equal(memory.readBigUInt64LE(address), 1n);
  const target = Number(memory.readBigUInt64LE(address + 8));
  assert.deepEqual(memory.subarray(target, target + 8), filter);
});

test('assembleTape() gives entries the memory that they share, and others their own', () => {
  const bytes = Buffer.from('/abc');
  const tape = assembleTape(
    [
      { syscall: 'getcwd', args: [{ kind: 'memory', bytes, offset: 1 }, 3] },
      { syscall: 'chdir', args: [{ kind: 'memory', bytes, offset: 0 }] },
      { syscall: 'chdir', args: [bytes] },
    ],
    'x64',
  );
  const [first = 0, second = 0, third = 0] = [0, 1, 2].map((index) => readEntry(tape, index).arguments[0]);
  assert.deepEqual([first - second, third === second], [1, false]);
  assert.equal(Buffer.from(tape.bytes).toString('latin1', second, second + 4), '/abc');
});

test('assembleTape() leads a failure on, to the alternative, or nowhere', () => {
  const tape = assembleTape(
    [
      { syscall: 'chdir', args: ['/a'], mayFail: true },
      {
        syscall: 'chdir',
        args: ['/b'],
        otherwise: [
          { syscall: 'getpid', args: [] },
          { syscall: 'getuid', args: [], mayFail: true },
        ],
      },
      { syscall: 'read', args: [0, 0, 1], atLeast: 1 },
    ],
    'x64',
  );
  const flow = tape.entries.map((entry, index) => {
    const { next, nextAfterFailure, least } = readEntry(tape, index);
    return [entry.syscall, next, nextAfterFailure, least];
  });
  assert.deepEqual(flow, [
    ['chdir', 1, 1, 0],
    ['chdir', 2, 3, 0],
    ['read', 3, undefined, 1],
    ['getpid', 4, undefined, 0],
    ['getuid', 2, 2, 0],
  ]);
});

test('assembleTape() stores a result where a later argument is', () => {
  const entries: readonly TapeEntry[] = [
    { syscall: 'openat', args: [-100, '/', 0] },
    { syscall: 'dup3', args: [{ kind: 'result', entry: 0 }, 9, 0] },
  ];
  const memory = Buffer.from(assembleTape(entries, 'x64').bytes);
  const destination = Number(memory.readBigUInt64LE(entryOffset(0) + TAPE_LAYOUT.destination));
  assert.equal(destination, entryOffset(1) + TAPE_LAYOUT.arguments);
});

const result = (entry: number): { kind: 'result'; entry: number } => ({ kind: 'result', entry });
const refused: readonly [why: string, tape: readonly TapeEntry[], message: RegExp][] = [
  ['no entries', [], /it has no entries/],
  ['seven arguments', [{ syscall: 'read', args: [1, 2, 3, 4, 5, 6, 7] }], /read has 7 arguments/],
  ['a NUL in a path', [{ syscall: 'chdir', args: ['/a\0b'] }], /holds a NUL/],
  ['a NUL in a list', [{ syscall: 'execve', args: ['/a', ['a\0']] }], /holds a NUL/],
  ['a later result', [{ syscall: 'close', args: [result(0)] }], /cannot use the result of entry 0/],
  ['an unknown result', [{ syscall: 'close', args: [result(-1)] }], /cannot use the result of entry -1/],
  [
    'a result used twice',
    [
      { syscall: 'getpid', args: [] },
      { syscall: 'close', args: [result(0)] },
      { syscall: 'close', args: [result(0)] },
    ],
    /entry 2 cannot use the result of entry 0/,
  ],
  [
    'an alternative with an alternative',
    [{ syscall: 'getpid', args: [], otherwise: [{ syscall: 'getuid', args: [], otherwise: [] }] }],
    /has an alternative itself/,
  ],
];
for (const [why, tape, message] of refused) {
  test(`assembleTape() refuses ${why}`, () => {
    assert.throws(() => assembleTape(tape, 'x64'), { name: 'RangeError', message });
  });
}

test('relocate() moves addresses and nothing else', () => {
  const tape = assembleTape([{ syscall: 'execve', args: ['/bin/true', ['x'], 5], mayFail: true }], 'arm64');
  const base = 0x7f00_0000_1000n;
  const memory = Buffer.alloc(tape.bytes.length);
  relocate(tape, base, memory);
  for (let offset = 0; offset + 8 <= memory.length; offset += 8) {
    const moved = tape.relocations.includes(offset) ? base : 0n;
    assert.equal(memory.readBigUInt64LE(offset), Buffer.from(tape.bytes).readBigUInt64LE(offset) + moved, `word ${offset}`);
  }
  assert.equal(memory.readBigInt64LE(TAPE_LAYOUT.finalResult), unfinished);
  memory.writeBigUInt64LE(base + BigInt(entryOffset(0)), TAPE_LAYOUT.currentEntry);
  assert.equal(currentEntry(tape, base, memory)?.syscall, 'execve');
});

test('syscallNumber() has one number for each name on each architecture', () => {
  assert.deepEqual(
    (['mount', 'pivot_root', 'openat2', 'seccomp'] as const).map((name) => [
      syscallNumber(name, 'x64'),
      syscallNumber(name, 'arm64'),
    ]),
    [
      [165, 40],
      [155, 41],
      [437, 437],
      [317, 277],
    ],
  );
});
