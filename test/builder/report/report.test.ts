import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputError, StepError, UsageError } from '../../../builder/contract/errors.ts';
import { exitCodeOf } from '../../../builder/report/exit-code-of.ts';
import { report } from '../../../builder/report/report.ts';
import { Interrupted } from '../../../builder/session/interruption.ts';
import { StoreError } from '../../../cache/files/errors.ts';
import { EnvironmentError, ExecutorError } from '../../../executor/host/errors.ts';
import type { WorkerFailure } from '../../../executor/protocol/failures.ts';
import { ContainerfileError } from '../../../parser/mistakes/errors.ts';
import { RegistryError } from '../../../registry/errors/registry-error.ts';

const source = { name: 'Containerfile', text: 'FROM scratch\nRUN make all\n' };
const span = { source: 0, start: 13, end: 25 };

function stepError(failure: WorkerFailure, tail = ''): StepError {
  return new StepError({ title: '[2/2] RUN make all', source, span, failure, tail: Buffer.from(tail) });
}

function shown(error: unknown): { readonly exit: number; readonly text: string } {
  return { exit: exitCodeOf(error), text: report(error, { hasColours: false }) };
}

const frame = ' --> Containerfile:2:1\n  |\n2 | RUN make all\n  | ^^^^^^^^^^^^\n';

const rows: readonly [title: string, error: unknown, exit: number, text: string][] = [
  [
    'mistakes in a Containerfile, all of them',
    new ContainerfileError(
      [
        { severity: 'error', code: 'unknown-instruction', message: 'Cannot read "RUM"', span, hint: 'Did you mean "RUN"?' },
        { severity: 'warning', code: 'StageNameCasing', message: 'left out', span },
        { severity: 'error', code: 'no-stages', message: 'Cannot build: no stage', span: undefined },
      ],
      [source],
    ),
    2,
    `error: Cannot read "RUM"\n${frame}hint: Did you mean "RUN"?\n\nerror: Cannot build: no stage\n`,
  ],
  [
    'a usage error',
    new UsageError('--x', 'Cannot use --x: no such flag'),
    2,
    'error: Cannot use --x: no such flag\nhint: See tsbuild --help\n',
  ],
  [
    'a usage error with a hint',
    new UsageError('--x', 'Cannot use --x', { hint: 'Use --y' }),
    2,
    'error: Cannot use --x\nhint: Use --y\n',
  ],
  [
    'a command that failed',
    stepError({ kind: 'command-failed', exitCode: 7, signal: undefined }, 'one\ntwo\u001B[2J\n'),
    1,
    `error: Cannot run [2/2] RUN make all: exit code 7\n${frame}its output:\n  | one\n  | two\n`,
  ],
  [
    'a command that was killed',
    stepError({ kind: 'command-failed', exitCode: undefined, signal: 'SIGKILL' }),
    1,
    `error: Cannot run [2/2] RUN make all: killed by SIGKILL\n${frame}hint: Something killed it; where nothing else did, the machine or the container ran out of memory\n`,
  ],
  [
    'a command that could not start',
    stepError({
      kind: 'command-not-started',
      program: '/bin/sh',
      errno: 'ENOENT',
      message: 'no /bin/sh in the image',
      hint: 'Use the exec form',
    }),
    1,
    `error: Cannot run [2/2] RUN make all: no /bin/sh in the image\n${frame}hint: Use the exec form\n`,
  ],
  [
    'a full disk in a step',
    stepError({ kind: 'refused', code: 'disk-full', message: 'the disk is full' }),
    5,
    `error: Cannot run [2/2] RUN make all: the disk is full\n${frame}`,
  ],
  ['an interruption', new Interrupted('SIGINT'), 130, 'Stopped by SIGINT\n'],
  ['a termination', new Interrupted('SIGTERM'), 143, 'Stopped by SIGTERM\n'],
  [
    'an output that cannot be written',
    new OutputError('x.tar', 'Cannot write "x.tar": no space left on device', { hint: 'Free some space' }),
    5,
    'error: Cannot write "x.tar": no space left on device\nhint: Free some space\n',
  ],
  [
    'a layer that was tampered with',
    new ExecutorError({ kind: 'refused', code: 'digest-mismatch', message: 'Cannot unpack layer: digest mismatch' }),
    4,
    'error: Cannot unpack layer: digest mismatch\n',
  ],
];

for (const [title, error, exit, text] of rows) {
  test(`report() shows ${title}`, () => assert.deepEqual(shown(error), { exit, text }));
}

test('report() shows the cure of an environment before the cause', () => {
  const error = new EnvironmentError('user-namespaces-disabled', 'Cannot make a user namespace', {
    hint: 'sysctl -w user.max_user_namespaces=15000',
    cause: new Error('clone: ENOSPC'),
  });
  assert.deepEqual(shown(error), {
    exit: 3,
    text: 'error: Cannot make a user namespace\nhint: sysctl -w user.max_user_namespaces=15000\ncause: clone: ENOSPC\n',
  });
});

test('report() shows registries and the store with their codes', () => {
  const registry = new RegistryError('manifest-unknown', 'Cannot pull "x": not found', {
    side: 'registry',
    hint: 'Check the name',
  });
  assert.deepEqual(shown(registry), { exit: 4, text: 'error: Cannot pull "x": not found\nhint: Check the name\n' });
  assert.equal(shown(new StoreError('corrupt', 'Cannot open the store', { path: '/s' })).exit, 5);
  assert.equal(shown(new StoreError('digest-mismatch', 'Cannot store blob', { path: '/s' })).exit, 4);
});

test('report() owns up to defects, with the stack', () => {
  const { exit, text } = shown(new TypeError('x is undefined'));
  assert.equal(exit, 70);
  assert.match(text, /^error: This is a bug in tsbuild\nTypeError: x is undefined\n\s+at .*report\.test/);
  assert.match(shown('a string').text, /Thrown: 'a string'/);
});

test('report() shows only the last lines of a long output', () => {
  const tail = Array.from({ length: 30 }, (_, index) => `line ${index}\n`).join('');
  const { text } = shown(stepError({ kind: 'command-failed', exitCode: 1, signal: undefined }, tail));
  assert.match(text, /the last 20 lines of its output:\n {2}\| line 10\n/);
  assert.doesNotMatch(text, /line 9\n/);
});

test('report() colours headings on terminals only', () => {
  const text = report(new UsageError('--x', 'Cannot use --x'), { hasColours: true });
  assert.match(text, /^\u001B\[31m\u001B\[1merror:/);
});
