import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCodeOf } from '../../../builder/report/exit-code-of.ts';
import { identify } from '../../../builder/report/known-error.ts';
import { report } from '../../../builder/report/report.ts';
import { toFailure } from '../../../executor/inside/request/failure.ts';
import { ERRNO } from '../../../native/errno.ts';
import { SyscallError } from '../../../native/syscall-error.ts';

/** EFBIG and ENFILE, which the program itself has no use for by number. */
const errnoFileTooLarge = 27;
const errnoFileTable = 23;

function failed(code: string, words: string): Error {
  return Object.assign(new Error(`${code}: ${words}, read '/x'`), { code, syscall: 'read', path: '/x' });
}

/** As `using` throws it, when what was opened cannot be closed either. */
function around(cleanup: Error, first: Error): Error {
  return Object.assign(new Error('An error was suppressed'), { name: 'SuppressedError', error: cleanup, suppressed: first });
}

const rows: readonly (readonly [code: string, line: RegExp])[] = [
  ['EIO', /^error: Cannot read "\/x": the disk reports an error$/m],
  ['ENOSPC', /^error: Cannot read "\/x": the disk is full$/m],
  ['EDQUOT', /^error: Cannot read "\/x": the disk quota is used up$/m],
  ['EFBIG', /^error: Cannot read "\/x": a file became larger than it may be$/m],
  ['EMFILE', /^error: Cannot read "\/x": too many files are open$/m],
  ['ENFILE', /^error: Cannot read "\/x": the machine has too many files open$/m],
  ['EROFS', /^error: Cannot read "\/x": the file system is read-only$/m],
];

test('disks and limits are no defects of tsbuild, whatever file they were about', () => {
  for (const [code, line] of rows) {
    const error = failed(code, 'some words');
    assert.equal(exitCodeOf(error), 5, code);
    const text = report(error, { hasColours: false });
    assert.match(text, line);
    assert.match(text, /^hint: /m);
  }
  assert.equal(identify(failed('EINVAL', 'invalid')).kind, 'bug');
});

test('the first error is the one that is told', () => {
  const first = failed('ENOSPC', 'no space left on device');
  assert.match(report(around(failed('EIO', 'i/o error'), first), { hasColours: false }), /the disk is full/);
  const failure = toFailure(around(new SyscallError('unlinkat', ERRNO.EIO, '/x'), new SyscallError('write', ERRNO.ENOSPC, '/y')));
  assert.equal(failure.kind === 'refused' && failure.code, 'disk-full');
});

test('toFailure() tells disks and limits from what the machine forbids', () => {
  const { EIO, EMFILE, ENOSPC, EDQUOT } = ERRNO;
  const codes = [EIO, errnoFileTooLarge, EMFILE, errnoFileTable, ENOSPC, EDQUOT].map((errno) => {
    const failure = toFailure(new SyscallError('write', errno, '/x'));
    return failure.kind === 'refused' ? failure.code : failure.kind;
  });
  assert.deepEqual(codes, ['io', 'io', 'io', 'io', 'disk-full', 'disk-full']);
  for (const call of ['clone', 'unshare', 'move_mount', 'fsmount']) {
    const failure = toFailure(new SyscallError(call, ERRNO.ENOSPC, 'pid'));
    assert.equal(failure.kind === 'refused' && failure.code, 'machine', call);
  }
});
