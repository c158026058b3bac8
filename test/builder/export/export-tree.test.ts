import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { exportTree } from '../../../builder/export/export-tree.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

// Stands in for the worker.
async function write(form: 'directory' | 'tar', path: string): Promise<void> {
  if (form === 'tar') return writeFileSync(path, 'the tar', { flag: 'wx' });
  mkdirSync(join(path, 'bin'), { recursive: true });
  writeFileSync(join(path, 'bin/app'), 'new');
  writeFileSync(join(path, 'readme'), 'new');
}

test('exportTree() writes a new folder, its parents included', async () => {
  using folder = temporaryFolder();
  await exportTree({ kind: 'local', destination: folder.at('a/b') }, { write, temporaryFolder: folder.path });
  assert.deepEqual(readdirSync(folder.at('a')), ['b']);
  assert.equal(readFileSync(folder.at('a/b/bin/app'), 'utf8'), 'new');
});

test('exportTree() adds to a folder: files are replaced, others stay', async () => {
  using folder = temporaryFolder();
  mkdirSync(folder.at('out/bin'), { recursive: true });
  writeFileSync(folder.at('out/bin/app'), 'old');
  writeFileSync(folder.at('out/bin/other'), 'kept');
  await exportTree({ kind: 'local', destination: folder.at('out') }, { write, temporaryFolder: folder.path });
  assert.equal(readFileSync(folder.at('out/bin/app'), 'utf8'), 'new');
  assert.equal(readFileSync(folder.at('out/bin/other'), 'utf8'), 'kept');
  assert.deepEqual(readdirSync(folder.at('out')).toSorted(), ['bin', 'readme']);
});

test('exportTree() leaves a folder as it was when something is in the way', async () => {
  using folder = temporaryFolder();
  mkdirSync(folder.at('out/readme'), { recursive: true });
  await assert.rejects(exportTree({ kind: 'local', destination: folder.at('out') }, { write, temporaryFolder: folder.path }), {
    name: 'OutputError',
    message: `Cannot write "${folder.at('out/readme')}": it is a folder there and a file in the image`,
  });
  assert.deepEqual(readdirSync(folder.at('out')), ['readme']);
});

test('exportTree() does not write through a link in the folder', async () => {
  using folder = temporaryFolder();
  mkdirSync(folder.at('out'));
  mkdirSync(folder.at('outside'));
  symlinkSync(folder.at('outside'), folder.at('out/bin'));
  await assert.rejects(exportTree({ kind: 'local', destination: folder.at('out') }, { write, temporaryFolder: folder.path }));
  assert.deepEqual(readdirSync(folder.at('outside')), []);
});

test('exportTree() leaves nothing when the worker fails', async () => {
  using folder = temporaryFolder();
  const failure = new Error('no');
  const fail = async (form: 'directory' | 'tar', path: string): Promise<void> => {
    await write(form, path);
    throw failure;
  };
  mkdirSync(folder.at('there'));
  const options = { write: fail, temporaryFolder: folder.path };
  await assert.rejects(exportTree({ kind: 'local', destination: folder.at('new') }, options), failure);
  await assert.rejects(exportTree({ kind: 'local', destination: folder.at('there') }, options), failure);
  await assert.rejects(exportTree({ kind: 'tar', destination: folder.at('x.tar') }, options), failure);
  await assert.rejects(exportTree({ kind: 'tar', destination: '-' }, { ...options, stdout: new PassThrough() }), failure);
  assert.deepEqual(readdirSync(folder.path), ['there']);
  assert.deepEqual(readdirSync(folder.at('there')), []);
});

test('exportTree() writes a tar to a file and to standard output', async () => {
  using folder = temporaryFolder();
  await exportTree({ kind: 'tar', destination: folder.at('x.tar') }, { write, temporaryFolder: folder.path });
  assert.equal(readFileSync(folder.at('x.tar'), 'utf8'), 'the tar');
  const stdout = new PassThrough();
  await exportTree({ kind: 'tar', destination: '-' }, { write, temporaryFolder: folder.path, stdout });
  stdout.end();
  assert.equal(Buffer.concat(await stdout.toArray()).toString(), 'the tar');
  assert.deepEqual(readdirSync(folder.path), ['x.tar']);
});
