import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { FileBatch } from '../../../native/batch/file-batch.ts';
import { AT_FDCWD, O_DIRECTORY, O_NONBLOCK, O_PATH, O_RDONLY, RESOLVE } from '../../../native/constants.ts';
import { ERRNO } from '../../../native/errno.ts';
import { close, openat } from '../../../native/files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const how = { flags: O_RDONLY | O_NONBLOCK, resolve: RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS };

/** A folder with a file `a`, a file `inner/b` of other bytes, and links to them. */
function tree(): { readonly fd: number } & Disposable {
  const folder = temporaryFolder('file-batch');
  writeFileSync(folder.at('a'), 'content of a');
  mkdirSync(folder.at('inner'));
  writeFileSync(folder.at('inner/\u00e9'), 'other content');
  symlinkSync('a', folder.at('link'));
  symlinkSync('inner', folder.at('folder-link'));
  const fd = openat(AT_FDCWD, folder.path, O_PATH | O_DIRECTORY);
  return {
    fd,
    [Symbol.dispose]: () => {
      close(fd);
      folder[Symbol.dispose]();
    },
  };
}

test('a batch reads files to their places and says what came of each', async () => {
  using root = tree();
  const batch = new FileBatch(root.fd, how, { files: 10, contentBytes: 100 });
  const rows: readonly [path: string, length: number, result: number][] = [
    ['a', 12, 12],
    ['inner/\u00c3\u00a9', 13, 13], // bytes of UTF-8, one character each
    ['a', 5, 5],
    ['a', 20, 12],
    ['missing', 5, -ERRNO.ENOENT],
    ['inner', 5, -ERRNO.EISDIR],
    ['link', 5, -ERRNO.ELOOP],
    ['folder-link/b', 5, -ERRNO.ELOOP],
    ['../a', 5, -ERRNO.EXDEV],
    ['/etc/passwd', 5, -ERRNO.EXDEV],
  ];
  let offset = 0;
  for (const [path, length] of rows) {
    batch.add(path, offset, length);
    offset += length;
  }
  assert.equal(batch.isFull, true);
  batch.content.fill('.');
  await batch.read();
  assert.deepEqual(
    rows.map((_, index) => batch.result(index)),
    rows.map(([, , result]) => result),
  );
  assert.equal(batch.content.toString('latin1').replace(/\.*$/, ''), 'content of aother contentcontecontent of a');
});

test('a batch can be used again', async () => {
  using root = tree();
  const batch = new FileBatch(root.fd, how, { files: 1, contentBytes: 12 });
  batch.add('missing', 0, 1);
  await batch.read();
  batch.clear();
  assert.equal(batch.isFull, false);
  batch.add('a', 0, 12);
  await batch.read();
  assert.deepEqual([batch.result(0), batch.content.toString()], [12, 'content of a']);
});

test('an empty batch reads nothing', async () => {
  using root = tree();
  await new FileBatch(root.fd, how, { files: 1, contentBytes: 1 }).read();
});

test('a batch refuses paths that the kernel would read otherwise, and what there is no room for', () => {
  using root = tree();
  const batch = new FileBatch(root.fd, how, { files: 2, contentBytes: 10 });
  assert.throws(() => batch.add('a\0b', 0, 1), /openat2 .*EINVAL/);
  assert.throws(() => batch.add('x'.repeat(4096), 0, 1), /ENAMETOOLONG/);
  assert.throws(() => batch.add('a', 8, 3), RangeError);
  batch.add('x'.repeat(4095), 0, 1);
  assert.equal(batch.isFull, true, 'a path of 4095 bytes might not fit');
  assert.throws(() => batch.add('a', 0, 1), RangeError);
});
