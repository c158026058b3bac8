import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { AT_FDCWD, O_PATH, O_RDONLY } from '../../native/constants.ts';
import { close, openat } from '../../native/files.ts';
import * as xattrs from '../../native/xattrs.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';

const binary = Buffer.from([0, 255, 128, 10, 0]);

function folderWithFile(): TemporaryFolder {
  const folder = temporaryFolder('xattrs');
  writeFileSync(folder.at('file'), '');
  return folder;
}

test('attributes come back byte for byte, sorted by name', () => {
  using folder = folderWithFile();
  const file = folder.at('file');
  xattrs.setXattr(file, 'user.z', binary);
  xattrs.setXattr(file, 'user.a', Buffer.alloc(0));
  xattrs.setXattr(file, 'user.b', Buffer.from('x'));
  xattrs.setXattr(file, 'user.b', Buffer.from('again'));
  assert.deepEqual(xattrs.listXattrs(file), ['user.a', 'user.b', 'user.z']);
  const values = ['user.a', 'user.b', 'user.z', 'user.none'].map((name) => xattrs.getXattr(file, name));
  assert.deepEqual(values, [Buffer.alloc(0), Buffer.from('again'), binary, undefined]);
  xattrs.removeXattr(file, 'user.b');
  assert.deepEqual(xattrs.listXattrs(file), ['user.a', 'user.z']);
  assert.throws(() => xattrs.removeXattr(file, 'user.b'), {
    syscall: 'lremovexattr',
    code: 'ENODATA',
    subject: `${file} user.b`,
  });
});

test('open files have the same attributes', () => {
  using folder = folderWithFile();
  const fd = openat(AT_FDCWD, folder.at('file'), O_RDONLY);
  xattrs.fsetXattr(fd, 'user.x', binary);
  assert.deepEqual([xattrs.flistXattrs(fd), xattrs.fgetXattr(fd, 'user.x')], [['user.x'], binary]);
  xattrs.fremoveXattr(fd, 'user.x');
  assert.deepEqual([xattrs.flistXattrs(fd), xattrs.fgetXattr(fd, 'user.x')], [[], undefined]);
  close(fd);
});

test('O_PATH descriptors are reached through /proc', () => {
  using folder = folderWithFile();
  const fd = openat(AT_FDCWD, folder.at('file'), O_PATH);
  const path = `/proc/self/fd/${fd}`;
  xattrs.setXattr(path, 'user.x', binary, { follow: true });
  assert.deepEqual(xattrs.getXattr(path, 'user.x', { follow: true }), binary);
  assert.deepEqual(xattrs.listXattrs(path, { follow: true }), ['user.x']);
  close(fd);
  assert.deepEqual(xattrs.getXattr(folder.at('file'), 'user.x'), binary);
});

test('symbolic links are not followed unless it is asked for', () => {
  using folder = folderWithFile();
  symlinkSync('file', folder.at('link'));
  xattrs.setXattr(folder.at('file'), 'user.x', binary);
  assert.deepEqual(xattrs.listXattrs(folder.at('link')), []);
  assert.deepEqual(xattrs.listXattrs(folder.at('link'), { follow: true }), ['user.x']);
  assert.throws(() => xattrs.setXattr(folder.at('link'), 'user.y', binary), { code: 'EPERM' });
});

test('file systems without attributes have none', () => {
  assert.deepEqual(xattrs.listXattrs('/proc/self/status'), []);
  assert.equal(xattrs.getXattr('/proc/self/status', 'user.x'), undefined);
});

test('what is not there is named', () => {
  assert.throws(() => xattrs.listXattrs('/does/not/exist'), {
    message: 'llistxattr /does/not/exist: ENOENT (No such file or directory)',
  });
  assert.throws(() => xattrs.fgetXattr(9999, 'user.x'), {
    message: 'fgetxattr descriptor 9999 user.x: EBADF (Bad file descriptor)',
  });
});
