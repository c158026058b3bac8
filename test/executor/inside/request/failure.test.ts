import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Refusal, toFailure } from '../../../../executor/inside/request/failure.ts';
import { RequestCancelled } from '../../../../executor/inside/request/request-context.ts';
import { CommandFailed } from '../../../../executor/inside/run/command-errors.ts';
import type { WorkerFailure } from '../../../../executor/protocol/failures.ts';
import { SyscallError } from '../../../../native/syscall-error.ts';
import { TarError } from '../../../../registry/oci/tar/tar-error.ts';
import { writeTar } from '../../../../registry/oci/tar/writer.ts';
import { collect } from '../../../registry/oci/tar/archives.ts';
import { requires } from '../../../support/requires.ts';
import { Lab } from '../lab.ts';
import { file } from '../tar-inputs.ts';

const needs = requires('user:subids', 'user-namespaces');
let lab: Lab;
before(async () => {
  if (needs.skip === undefined) lab = await Lab.open();
});
after(async () => lab?.[Symbol.asyncDispose]());

function readMissing(): unknown {
  try {
    return readFileSync('/missing/file');
  } catch (error) {
    return error;
  }
}

const rows: readonly (readonly [what: string, error: unknown, failure: WorkerFailure])[] = [
  [
    'a refusal',
    new Refusal('is-a-directory', 'Cannot x', 'Do y'),
    { kind: 'refused', code: 'is-a-directory', message: 'Cannot x', hint: 'Do y' },
  ],
  [
    'a refusal without a hint',
    new Refusal('not-supported', 'Cannot x'),
    { kind: 'refused', code: 'not-supported', message: 'Cannot x' },
  ],
  ['a cancelled request', new RequestCancelled(5), { kind: 'cancelled' }],
  ['a command that failed', new CommandFailed({ exitCode: 3 }), { kind: 'command-failed', exitCode: 3, signal: undefined }],
  [
    'a command that memory was too short for',
    new CommandFailed({ signal: 'SIGKILL' }, 64 * 2 ** 20),
    { kind: 'command-failed', exitCode: undefined, signal: 'SIGKILL', exceededMemory: '64 MiB' },
  ],
  [
    'a bad archive',
    new TarError('truncated', 'it ends'),
    { kind: 'refused', code: 'archive-invalid', message: 'Cannot read archive: it ends' },
  ],
  [
    'an archive beyond the limits',
    new TarError('too-large', 'it is'),
    { kind: 'refused', code: 'archive-too-large', message: 'Cannot read archive: it is' },
  ],
  [
    'a system call',
    new SyscallError('mkdirat', 13, '/x'),
    { kind: 'syscall', syscall: 'mkdirat', errno: 'EACCES', subject: '/x', message: 'mkdirat /x: EACCES (Permission denied)' },
  ],
  [
    'a call of Node',
    readMissing(),
    {
      kind: 'syscall',
      syscall: 'open',
      errno: 'ENOENT',
      subject: '/missing/file',
      message: "ENOENT: no such file or directory, open '/missing/file'",
    },
  ],
];

for (const [what, error, failure] of rows) {
  test(`toFailure() tells ${what}`, () => {
    assert.deepEqual(toFailure(error), failure);
  });
}

test('toFailure() takes everything else for a defect', () => {
  const failure = toFailure(new TypeError('oops'));
  assert.ok(failure.kind === 'bug' && failure.message === 'oops' && failure.stack.includes('failure.test'));
  assert.deepEqual(toFailure('text'), { kind: 'bug', message: 'text', stack: '' });
});

test('a full disk is told as one, and nothing is left on it', needs, async () => {
  const directory = lab.folder();
  await lab.shell(`mount -t tmpfs -o size=1m,mode=777 tmpfs ${directory}`);
  const archive = await collect(writeTar([file('small', 'x'), file('large', 'y'.repeat(4 << 20))]));
  const request = { ...lab.unpackRequest(archive), directory };
  const failure = await lab.failure(request);
  assert.equal(failure.kind === 'refused' && failure.code, 'disk-full', JSON.stringify(failure));
  assert.equal(await lab.shell(`ls -A ${directory}; umount ${directory}`), '');
});
