import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { type NewFile, NewFileBatch } from '../../../native/batch/new-file-batch.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];

function newFile(path: string, fields: Partial<NewFile> = {}): NewFile {
  return { path, mode: 0o640, uid, gid, mtime: 5, ...fields };
}

async function inTree(use: (root: string, batch: NewFileBatch) => Promise<void>): Promise<void> {
  using folder = temporaryFolder('new-files');
  const rootFd = openSync(folder.path, 'r');
  try {
    await use(folder.path, new NewFileBatch(rootFd, { files: 4, contentBytes: 100 }));
  } finally {
    closeSync(rootFd);
  }
}

test('NewFileBatch makes files with their content, mode, owner and time, again and again', async () => {
  await inTree(async (root, batch) => {
    mkdirSync(`${root}/folder`);
    for (const round of [0, 1, 2]) {
      const files: readonly (readonly [NewFile, string])[] = [
        [newFile(`plain${round}`), 'x'.repeat(90 + round)],
        [newFile(`folder/\u00ff${round}`, { mode: 0o4755, mtime: 2 ** 33 + 1 }), ''],
        [newFile(`private${round}`, { mode: 0, mtime: 0 }), 'secret'],
        [newFile(`old${round}`, { mtime: -(2 ** 31) }), ''],
      ];
      for (const [file, content] of files) assert.equal(String(Buffer.from(batch.add(file, Buffer.from(content)))), content);
      await batch.make();
      for (const [index, [file, content]] of files.entries()) {
        assert.equal(batch.isMade(index), true);
        const path = Buffer.from(`${root}/${file.path}`, 'latin1');
        const status = statSync(path);
        assert.deepEqual([status.mode & 0o7777, status.uid, status.gid], [file.mode, uid, gid]);
        assert.deepEqual([status.mtimeMs / 1000, status.atimeMs / 1000], [file.mtime, file.mtime]);
        chmodSync(path, 0o600);
        assert.equal(readFileSync(path, 'utf8'), content);
      }
      batch.clear();
    }
  });
});

test('NewFileBatch makes the others when one cannot be made', async () => {
  await inTree(async (root, batch) => {
    mkdirSync(`${root}/folder`);
    symlinkSync('folder', `${root}/link`);
    writeFileSync(`${root}/taken`, 'old');
    for (const path of ['taken', 'missing/file', 'link/file', 'good']) batch.add(newFile(path), Buffer.from('new'));
    await batch.make();
    assert.deepEqual(
      [0, 1, 2, 3].map((index) => batch.isMade(index)),
      [false, false, false, true],
    );
    assert.equal(readFileSync(`${root}/taken`, 'utf8'), 'old');
    assert.equal(existsSync(`${root}/folder/file`), false);
    assert.equal(readFileSync(`${root}/good`, 'utf8'), 'new');
  });
});

test('NewFileBatch refuses what it has no room for', async () => {
  await inTree(async (root, batch) => {
    assert.equal(batch.hasRoomFor(101), false);
    assert.throws(() => batch.add(newFile('large'), Buffer.alloc(101)), RangeError);
    assert.throws(() => batch.add(newFile('n'.repeat(5000)), Buffer.alloc(0)), { name: 'SyscallError', code: 'ENAMETOOLONG' });
    for (let number = 0; number < 4; number++) batch.add(newFile(`${number}`), Buffer.alloc(25));
    assert.equal(batch.hasRoomFor(0), false);
    await batch.make();
    assert.equal(statSync(`${root}/3`).size, 25);
  });
});
