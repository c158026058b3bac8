import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  AT,
  AT_FDCWD,
  DT,
  LOCK,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_WRONLY,
  RENAME,
  RESOLVE,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  SEEK_DATA,
  SEEK_HOLE,
} from '../../native/constants.ts';
import * as files from '../../native/files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const oddName = Buffer.from([0x61, 0xff, 0x0a, 0x62]);

const seekEnd = 2;

test('openat() opens by text and by raw bytes, below a folder', () => {
  using folder = temporaryFolder('files');
  const directory = files.openat(AT_FDCWD, folder.path, O_RDONLY | O_DIRECTORY);
  const fd = files.openat(directory, oddName, O_RDWR | O_CREAT | O_EXCL, 0o600);
  assert.equal(files.write(fd, Buffer.from('content')), 7);
  assert.equal(files.lseek(fd, 0, 0), 0);
  const buffer = Buffer.alloc(20);
  assert.equal(files.read(fd, buffer), 7);
  assert.equal(buffer.toString('utf8', 0, 7), 'content');
  files.close(fd);
  assert.throws(() => files.openat(directory, oddName, O_WRONLY | O_CREAT | O_EXCL), { syscall: 'openat', code: 'EEXIST' });
  files.close(directory);
});

const errors: readonly [name: string, call: () => unknown, message: string | RegExp][] = [
  [
    'a path',
    () => files.openat(AT_FDCWD, '/does/not/exist', O_RDONLY),
    'openat /does/not/exist: ENOENT (No such file or directory)',
  ],
  [
    'a path below a folder',
    () => files.openat(files.openat(AT_FDCWD, '/etc', O_PATH), 'nothing', O_RDONLY),
    'openat /etc/nothing: ENOENT (No such file or directory)',
  ],
  [
    'two paths',
    () => files.renameat2(AT_FDCWD, '/no1', AT_FDCWD, '/no2'),
    'renameat2 /no1 -> /no2: ENOENT (No such file or directory)',
  ],
  [
    'a descriptor',
    () => files.ftruncate(files.openat(AT_FDCWD, '/etc', O_PATH), 0),
    'ftruncate /etc: EBADF (Bad file descriptor)',
  ],
  ['a closed descriptor', () => files.fsync(9999), 'fsync descriptor 9999: EBADF (Bad file descriptor)'],
  ['close()', () => files.close(9999), 'close descriptor 9999: EBADF (Bad file descriptor)'],
  [
    'bytes that are not UTF-8',
    () => files.readlinkat(AT_FDCWD, Buffer.from([0x2f, 0xff])),
    'readlinkat /\ufffd: ENOENT (No such file or directory)',
  ],
  ['a NUL in a path', () => files.unlinkat(AT_FDCWD, '/tmp\0/x'), /^unlinkat \/tmp\0\/x: EINVAL/],
  ['a NUL in a target', () => files.symlinkat('a\0b', AT_FDCWD, '/does/not'), /^symlinkat a\0b: EINVAL/],
];
for (const [name, call, message] of errors) {
  test(`errors name ${name}`, () => assert.throws(call, { name: 'SyscallError', message }));
}

test('openat2() does not leave its root', () => {
  using folder = temporaryFolder('files');
  mkdirSync(folder.at('etc'));
  writeFileSync(folder.at('etc/passwd'), 'inside');
  symlinkSync('/etc', folder.at('link'));
  symlinkSync('../../../../etc/passwd', folder.at('up'));
  const root = files.openat(AT_FDCWD, folder.path, O_PATH | O_DIRECTORY);
  for (const path of ['link/passwd', 'up', '/etc/passwd', '../../etc/passwd']) {
    const fd = files.openat2(root, path, { flags: O_RDONLY, resolve: RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS });
    assert.equal(readFileSync(fd, 'utf8'), 'inside');
    files.close(fd);
  }
  assert.throws(() => files.openat2(root, 'up', { flags: O_RDONLY, resolve: RESOLVE.BENEATH }), { code: 'EXDEV' });
  assert.throws(() => files.openat2(root, 'up', { flags: O_RDONLY, resolve: RESOLVE.NO_SYMLINKS }), { code: 'ELOOP' });
  const made = files.openat2(root, 'new', { flags: O_WRONLY | O_CREAT, mode: 0o640, resolve: RESOLVE.IN_ROOT });
  files.close(made);
  files.close(root);
  assert.equal(statSync(folder.at('new')).mode & 0o777, 0o640);
});

test('fstatat() says what lstat says', () => {
  using folder = temporaryFolder('files');
  writeFileSync(folder.at('file'), 'four');
  symlinkSync('file', folder.at('link'));
  for (const path of [folder.at('file'), folder.at('link'), folder.path, '/dev/null', '/dev/tty']) {
    const expected = lstatSync(path, { bigint: true });
    const found = files.fstatat(AT_FDCWD, path, AT.SYMLINK_NOFOLLOW);
    assert.deepEqual([found.mode, found.uid, found.gid, found.size, found.nlink].map(BigInt), [
      expected.mode,
      expected.uid,
      expected.gid,
      expected.size,
      expected.nlink,
    ]);
    assert.deepEqual(
      [found.ino, found.dev, found.mtimeNs, found.ctimeNs],
      [expected.ino, expected.dev, expected.mtimeNs, expected.ctimeNs],
    );
    assert.equal(files.deviceNumber(found.rdevMajor, found.rdevMinor), expected.rdev);
  }
  assert.equal(files.fstatat(AT_FDCWD, folder.at('link')).size, 4);
});

test('fstatatIfExists() gives undefined for what is not there, and throws the rest', () => {
  assert.equal(files.fstatatIfExists(AT_FDCWD, '/does/not/exist'), undefined);
  assert.equal(files.fstatatIfExists(AT_FDCWD, '/etc/passwd/x'), undefined);
  assert.equal(files.fstatatIfExists(AT_FDCWD, '/etc/passwd')?.uid, 0);
  assert.throws(() => files.fstatatIfExists(AT_FDCWD, 'x'.repeat(300)), { syscall: 'statx', code: 'ENAMETOOLONG' });
});

test('makes, renames and removes every kind of file', () => {
  using folder = temporaryFolder('files');
  const root = files.openat(AT_FDCWD, folder.path, O_PATH | O_DIRECTORY);
  const old = files.umask(0o022);
  files.mkdirat(root, 'folder', 0o777);
  assert.equal(files.umask(old), 0o022);
  files.makeFileAt(root, 'folder/file', 0o600);
  files.mknodat(root, 'fifo', S_IFIFO | 0o644);
  files.mknodat(root, 'whiteout', S_IFCHR, 0, 0);
  files.symlinkat(oddName, root, 'link');
  files.linkat(root, 'folder/file', root, 'second');
  files.renameat2(root, 'link', root, 'renamed', RENAME.NOREPLACE);
  assert.throws(() => files.renameat2(root, 'renamed', root, 'fifo', RENAME.NOREPLACE), { code: 'EEXIST' });
  assert.deepEqual(files.readlinkat(root, 'renamed'), oddName);
  assert.equal(statSync(folder.at('folder')).mode & 0o777, 0o755);
  assert.equal(files.fstatat(root, 'second').nlink, 2);
  const { mode, rdevMajor, rdevMinor } = files.fstatat(root, 'whiteout');
  assert.deepEqual([mode & S_IFMT, rdevMajor, rdevMinor], [S_IFCHR, 0, 0]);
  files.unlinkat(root, 'second');
  assert.throws(() => files.unlinkat(root, 'folder', AT.REMOVEDIR), { code: 'ENOTEMPTY' });
  files.unlinkat(root, 'folder/file');
  files.unlinkat(root, 'folder', AT.REMOVEDIR);
  const reading = files.openat(root, '.', O_RDONLY | O_DIRECTORY);
  const types = Object.fromEntries(files.readDirectory(reading).map(({ name, type }) => [name.toString(), type]));
  assert.deepEqual(types, { fifo: DT.FIFO, renamed: DT.LNK, whiteout: DT.CHR });
  files.close(reading);
  files.close(root);
});

test('readDirectory() reads folders of any size, again and again, with names as bytes', () => {
  using folder = temporaryFolder('files');
  const names = Array.from({ length: 3000 }, (_, index) => `name-${index}-${'x'.repeat(30)}`);
  names.forEach((name) => writeFileSync(folder.at(name), ''));
  const fd = files.openat(AT_FDCWD, folder.path, O_RDONLY | O_DIRECTORY);
  files.makeFileAt(fd, oddName, 0o600);
  for (let turn = 0; turn < 2; turn++) {
    const found = files.readDirectory(fd).map(({ name }) => name.toString('latin1'));
    assert.deepEqual(found.toSorted(), [...names, oddName.toString('latin1')].toSorted());
  }
  files.close(fd);
});

test('readlinkat() reads the link that an O_PATH descriptor is', () => {
  using folder = temporaryFolder('files');
  symlinkSync('t'.repeat(4095), folder.at('link'));
  const fd = files.openat(AT_FDCWD, folder.at('link'), O_PATH | O_NOFOLLOW);
  assert.equal(files.readlinkat(fd, '').length, 4095);
  files.close(fd);
});

test('fchmodat(), fchmod() and fchownat() change attributes', () => {
  using folder = temporaryFolder('files');
  writeFileSync(folder.at('file'), '');
  files.fchmodat(AT_FDCWD, folder.at('file'), 0o4711);
  assert.equal(statSync(folder.at('file')).mode & 0o7777, 0o4711);
  const fd = files.openat(AT_FDCWD, folder.at('file'), O_RDONLY);
  files.fchmod(fd, 0o640);
  files.fchownat(fd, '', -1, process.getgid?.() ?? 0, AT.EMPTY_PATH);
  files.close(fd);
  assert.equal(statSync(folder.at('file')).mode & 0o7777, 0o640);
});

const times: readonly [name: string, atimeNs: bigint | undefined, mtimeNs: bigint | undefined][] = [
  ['nanoseconds', 1_000_000_001n, 1_700_000_000_123_456_789n],
  ['one that stays', undefined, 5_000_000_000n],
  ['before 1970', 3n, -1_500_000_000n],
  ['after 2038', 3n, 4_000_000_000_000_000_001n],
];
for (const [name, atimeNs, mtimeNs] of times) {
  test(`utimensat() sets times: ${name}`, () => {
    using folder = temporaryFolder('files');
    symlinkSync('nothing', folder.at('link'));
    const before = lstatSync(folder.at('link'), { bigint: true });
    files.utimensat(AT_FDCWD, folder.at('link'), { atimeNs, mtimeNs }, AT.SYMLINK_NOFOLLOW);
    const after = lstatSync(folder.at('link'), { bigint: true });
    assert.equal(after.mtimeNs, mtimeNs ?? before.mtimeNs);
    assert.equal(after.atimeNs, atimeNs ?? before.atimeNs);
    assert.equal(files.fstatat(AT_FDCWD, folder.at('link'), AT.SYMLINK_NOFOLLOW).mtimeNs, mtimeNs);
  });
}

test('lseek() finds data and holes', () => {
  using folder = temporaryFolder('files');
  const fd = files.openat(AT_FDCWD, folder.at('sparse'), O_RDWR | O_CREAT, 0o600);
  files.ftruncate(fd, 1_048_576);
  assert.equal(files.lseek(fd, 0, SEEK_DATA), undefined);
  files.lseek(fd, 65_536, 0);
  files.write(fd, Buffer.from('data'));
  assert.equal(files.lseek(fd, 0, SEEK_DATA), 65_536);
  assert.ok((files.lseek(fd, 65_536, SEEK_HOLE) ?? 0) < 1_048_576);
  assert.equal(files.lseek(fd, 0, seekEnd), 1_048_576);
  assert.throws(() => files.lseek(fd, -1, 0), { syscall: 'lseek', code: 'EINVAL' });
  files.close(fd);
});

test('copyFileRange() copies inside the kernel until the end', () => {
  using folder = temporaryFolder('files');
  writeFileSync(folder.at('from'), 'x'.repeat(100_000));
  const from = files.openat(AT_FDCWD, folder.at('from'), O_RDONLY);
  const to = files.openat(AT_FDCWD, folder.at('to'), O_WRONLY | O_CREAT, 0o600);
  let copied = 0;
  for (let length = 1; length > 0; copied += length) length = files.copyFileRange(from, to, 60_000);
  files.close(from);
  files.close(to);
  assert.deepEqual([copied, statSync(folder.at('to')).size], [100_000, 100_000]);
});

test('flock() says when someone else holds the lock', () => {
  using folder = temporaryFolder('files');
  const path = folder.at('lock');
  const first = files.openat(AT_FDCWD, path, O_RDWR | O_CREAT, 0o600);
  const second = files.openat(AT_FDCWD, path, O_RDWR);
  assert.equal(files.flock(first, LOCK.EX | LOCK.NB), true);
  assert.equal(files.flock(second, LOCK.SH | LOCK.NB), false);
  files.flock(first, LOCK.UN);
  assert.equal(files.flock(second, LOCK.SH | LOCK.NB), true);
  assert.throws(() => files.flock(9999, LOCK.EX), { syscall: 'flock', code: 'EBADF' });
  files.close(first);
  files.close(second);
});

test('a file without a name gets one by linkat()', () => {
  using folder = temporaryFolder('files');
  const fd = files.openat(AT_FDCWD, folder.path, O_TMPFILE | O_WRONLY, 0o644);
  files.write(fd, Buffer.from('whole'));
  files.linkat(AT_FDCWD, `/proc/self/fd/${fd}`, AT_FDCWD, folder.at('file'), AT.SYMLINK_FOLLOW);
  files.close(fd);
  assert.equal(readFileSync(folder.at('file'), 'utf8'), 'whole');
});

test('syncfs() and syncfsAsync() write to the disk, or say why not', async () => {
  using folder = temporaryFolder('files');
  const fd = files.openat(AT_FDCWD, folder.path, O_RDONLY);
  files.syncfs(fd);
  files.fsync(fd);
  await files.syncfsAsync(fd);
  files.close(fd);
  await assert.rejects(files.syncfsAsync(9999), { message: 'syncfs descriptor 9999: EBADF (Bad file descriptor)' });
});

test('what the file system cannot do is thrown', () => {
  using folder = temporaryFolder('files');
  const fd = files.openat(AT_FDCWD, '/proc/self/status', O_RDONLY);
  const target = files.openat(AT_FDCWD, folder.at('copy'), O_WRONLY | O_CREAT, 0o600);
  assert.throws(() => files.ficlone(target, fd), { syscall: 'ioctl', name: 'SyscallError' });
  files.close(fd);
  files.close(target);
});
