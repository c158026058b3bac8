import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { getSystemErrorName } from 'node:util';
import { ERRNO, errnoName, errnoText } from '../../native/errno.ts';
import { isSyscallError, SyscallError } from '../../native/syscall-error.ts';

test('SyscallError reads like a man page', () => {
  const error = new SyscallError('openat2', 2, '/x');
  const { name, message, syscall, errno, code, subject } = error;
  assert.deepEqual(
    { name, message, syscall, errno, code, subject },
    {
      name: 'SyscallError',
      message: 'openat2 /x: ENOENT (No such file or directory)',
      syscall: 'openat2',
      errno: 2,
      code: 'ENOENT',
      subject: '/x',
    },
  );
  assert.equal(new SyscallError('sync', 5).message, 'sync: EIO (Input/output error)');
});

test('isSyscallError() looks for codes when they are given', () => {
  const error = new SyscallError('mount', ERRNO.EPERM, '/proc');
  assert.deepEqual(
    [
      isSyscallError(error),
      isSyscallError(error, 'EACCES', 'EPERM'),
      isSyscallError(error, 'EACCES'),
      isSyscallError(new Error()),
    ],
    [true, true, false, false],
  );
});

test('errno names are those of Node, where it has them', () => {
  for (const [name, number] of Object.entries(constants.errno)) {
    const isAlias = name === 'EWOULDBLOCK' || name === 'ENOTSUP';
    assert.ok(isAlias || errnoName(number) === name, `${number} is ${name}`);
  }
  assert.equal(getSystemErrorName(-ERRNO.ENOSPC), errnoName(ERRNO.ENOSPC));
  for (const [name, number] of Object.entries(ERRNO)) assert.equal(errnoName(number), name);
  assert.deepEqual([errnoName(9999), errnoText(9999)], ['E9999', 'Unknown error 9999']);
});
