import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { chooseCopiedFiles } from '../../../builder/context/copy-plan.ts';
import { type ContextTree, scanContext } from '../../../builder/context/scan.ts';
import type { TreeEntry } from '../../../builder/context/tree.ts';
import { copyDigest } from '../../../builder/keys/copy-digest.ts';
import { parseIgnoreFile } from '../../../builder/patterns/ignore.ts';
import { FileDigests } from '../../../cache/records/file-digests.ts';
import { joinPath, type RawPath, rawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';
import { sha256 } from './memory-tree.ts';

/** Makes files (`name: content`) and folders (`name/`). */
function fill(folder: TemporaryFolder, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(folder.at(name)), { recursive: true });
    if (name.endsWith('/')) mkdirSync(folder.at(name), { recursive: true });
    else writeFileSync(folder.at(name), content);
  }
}

/** All paths that can be seen. */
function seen(tree: ContextTree, folder: RawPath = rawPath('')): readonly string[] {
  return tree.list(folder).flatMap((name) => {
    const child = rawPath(folder === '' ? name : `${folder}/${name}`);
    return [textOfPath(child), ...seen(tree, child)];
  });
}

async function scanned(folder: TemporaryFolder, ignore = ''): Promise<ContextTree> {
  return scanContext(folder.path, { ignore: parseIgnoreFile({ name: '.dockerignore', text: ignore }).rules });
}

const root = rawPath('');

test('scanContext() sees files as they are, but owned by root', async () => {
  using folder = temporaryFolder('scan');
  fill(folder, { 'd/f': 'content' });
  chmodSync(folder.at('d/f'), 0o4751);
  utimesSync(folder.at('d/f'), 5, 1234.75);
  symlinkSync('../outside', folder.at('l'));
  const tree = await scanned(folder);
  assert.deepEqual(seen(tree), ['d', 'd/f', 'l']);
  await tree.hash([rawPath('d/f')]);
  const file = tree.lookup(rawPath('d/f'));
  assert.ok(file?.type === 'file');
  const { stamp, ...rest } = file;
  assert.deepEqual(rest, { type: 'file', mode: 0o4751, uid: 0, gid: 0, mtime: 1234, size: 7, digest: sha256('content') });
  assert.equal(stamp?.mtimeNs, 1234750000000n);
  assert.equal(tree.lookup(rawPath('l'))?.type, 'symlink');
  assert.equal(tree.lookup(rawPath('l/x')), undefined);
  assert.equal(tree.lookup(root)?.type, 'directory');
});

test('scanContext() hides what is ignored, and keeps the folders of what is not', async () => {
  using folder = temporaryFolder('scan');
  fill(folder, { 'a/b/keep': '', 'a/b/drop': '', 'a/c/drop': '', 'logs/x.log': '', top: '', 'empty/': '' });
  const tree = await scanned(folder, 'a\n!a/b/keep\n**/*.log\n');
  assert.deepEqual(seen(tree), ['a', 'a/b', 'a/b/keep', 'empty', 'logs', 'top']);
  assert.equal(tree.lookup(rawPath('a/c')), undefined);
  assert.equal(tree.hiddenBy(rawPath('a/c/drop')), '.dockerignore:1 ("a")');
});

test('scanContext() does not read folders that nothing can be taken back from', async () => {
  using folder = temporaryFolder('scan');
  fill(folder, { 'node_modules/deep/x': '', 'src/x': '' });
  const tree = await scanned(folder, 'node_modules\n!src/keep\n');
  chmodSync(folder.at('node_modules'), 0);
  assert.deepEqual(seen(tree), ['src', 'src/x']);
  chmodSync(folder.at('node_modules'), 0o755);
});

test('scanContext() keeps names of any bytes', async () => {
  using folder = temporaryFolder('scan');
  const name = rawPath('x\u00ff\u00fe\ny');
  writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from(name, 'latin1')]), 'odd');
  fill(folder, { 'grüße/ß': 'utf-8' });
  const tree = await scanned(folder);
  assert.deepEqual(tree.list(root), [rawPath(Buffer.from('grüße').toString('latin1')), name]);
  await tree.hash([name]);
  const entry = tree.lookup(name);
  assert.equal(entry?.type === 'file' && entry.digest, sha256('odd'));
  assert.deepEqual(seen(tree).slice(0, 2), ['grüße', 'grüße/ß']);
});

test('scanContext() gives the names of one file the same link, and sockets as sockets', async () => {
  using folder = temporaryFolder('scan');
  fill(folder, { a: 'x', c: 'x' });
  linkSync(folder.at('a'), folder.at('b'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(folder.at('s'), resolve));
  const tree = await scanned(folder);
  const [group] = await chooseCopiedFiles(tree, { sources: [{ kind: 'path', path: '.' }], excludes: [], keepsParents: false });
  server.close();
  assert.deepEqual(
    [...(group?.entries ?? [])].map((entry) => [entry.to, entry.type, entry.type === 'file' ? entry.inline : undefined]),
    [
      ['', 'directory', undefined],
      ['a', 'file', undefined],
      ['b', 'hardlink', undefined],
      ['c', 'file', undefined],
      ['s', 'file', ''],
    ],
  );
});

/** The stamp makes its numbers when it is asked. */
function numbersOf(entry: TreeEntry | undefined): unknown {
  if (entry?.type !== 'file' || entry.stamp === undefined) return entry;
  const { dev, ino, size, mtimeNs, ctimeNs } = entry.stamp;
  return { ...entry, stamp: { dev, ino, size, mtimeNs, ctimeNs } };
}

test('expectMany() changes nothing that is seen', async () => {
  using folder = temporaryFolder('scan');
  const odd = Buffer.concat([Buffer.from(`${folder.path}/a/`), Buffer.from([0xff, 0x0a])]);
  fill(folder, { 'a/f': 'x', 'a/b/c/g': 'y', 'drop/h': '', 'drop/keep': 'z', empty: '', 'long/': '' });
  writeFileSync(odd, 'odd');
  for (let count = 0; count < 1200; count++) writeFileSync(folder.at('long', `${count}`.padStart(count % 250, 'n')), `${count}`);
  linkSync(folder.at('a/f'), folder.at('second'));
  symlinkSync('a', folder.at('link'));
  execFileSync('mkfifo', [folder.at('fifo')]);
  utimesSync(folder.at('a'), -5, -1.5);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(folder.at('socket'), resolve));
  const [single, many] = [await scanned(folder, 'drop\n!drop/keep'), await scanned(folder, 'drop\n!drop/keep')];
  await many.expectMany();
  const all = (tree: ContextTree, at: RawPath = root): unknown[] => [
    [at, numbersOf(tree.lookup(at))],
    ...tree.list(at).flatMap((name) => all(tree, joinPath(at, name))),
  ];
  const [wanted, found] = [all(single), all(many)];
  server.close();
  assert.deepEqual(found, wanted);
  assert.equal(found.length, 1215);
});

const refused = (file: string, message: string): Promise<void> =>
  assert.rejects(scanContext(file), { name: 'UsageError', message: `Cannot use context "${file}": ${message}` });

test('scanContext() refuses a context that is no folder', async () => {
  using folder = temporaryFolder('scan');
  fill(folder, { f: '' });
  await refused(folder.at('f'), 'it is not a folder');
  await refused(folder.at('none'), 'there is no such folder');
});

test('hash() reads large files in pieces and forgets one that is gone', async () => {
  using folder = temporaryFolder('scan');
  const large = 'z'.repeat(3_000_000);
  fill(folder, { large, gone: 'x' });
  const tree = await scanned(folder);
  await tree.hash([rawPath('large')]);
  const entry = tree.lookup(rawPath('large'));
  assert.equal(entry?.type === 'file' && entry.digest, sha256(large));
  assert.equal(tree.lookup(rawPath('gone'))?.type, 'file');
  renameSync(folder.at('gone'), folder.at('elsewhere'));
  await tree.hash([rawPath('gone')]);
  assert.equal(tree.lookup(rawPath('gone')), undefined);
});

test('hash() stops when the build is cancelled', async () => {
  using folder = temporaryFolder('scan');
  fill(folder, { large: 'z'.repeat(3_000_000) });
  const controller = new AbortController();
  const tree = await scanContext(folder.path, { signal: controller.signal });
  controller.abort(new Error('enough'));
  await assert.rejects(tree.hash([rawPath('large')]), { message: 'enough' });
});

test('a file that was changed without a trace in its times is read again', async () => {
  using folder = temporaryFolder('scan');
  fill(folder, { 'c/f': 'old' });
  const scan = async (): Promise<string | undefined> => {
    const digests = await FileDigests.load(folder.at('digests'));
    const tree = await scanContext(folder.at('c'), { digests });
    await tree.hash([rawPath('f')]);
    await digests.save();
    const entry = tree.lookup(rawPath('f'));
    return entry?.type === 'file' ? entry.digest : undefined;
  };
  utimesSync(folder.at('c/f'), 1, 1);
  assert.equal(await scan(), sha256('old'));
  writeFileSync(folder.at('c/f'), 'new');
  utimesSync(folder.at('c/f'), 1, 1);
  assert.equal(await scan(), sha256('new'));
});

test('scanning thousands of files gives the same digest when theirs are remembered', async (context) => {
  using folder = temporaryFolder('scan');
  for (let number = 0; number < 40; number++) {
    mkdirSync(folder.at('c', `folder-${number}`), { recursive: true });
    for (let file = 0; file < 100; file++) {
      writeFileSync(folder.at('c', `folder-${number}`, `file-${file}.ts`), `${number} ${file}\n`);
    }
  }
  const ignore = parseIgnoreFile({
    name: '.dockerignore',
    text: '**/node_modules\n*.log\n**/*.tmp\n!keep.tmp\ndist\n.git\n',
  }).rules;
  const pass = async (digests: FileDigests): Promise<string> => {
    const tree = await scanContext(folder.at('c'), { ignore, digests });
    const [group] = await chooseCopiedFiles(tree, { sources: [{ kind: 'path', path: '.' }], excludes: [], keepsParents: false });
    const { digest } = await copyDigest(group?.entries ?? [], { replacesOwner: false, replacesMode: false, isArchive: false });
    assert.equal(group?.entries.length, 4_041);
    return digest;
  };
  // A clock that runs ahead stands for waiting until no file is racy.
  const ahead = context.mock.method(Date, 'now', () => new Date().getTime() + 10_000);
  const digests = await FileDigests.load(folder.at('digests'));
  const cold = await pass(digests);
  await digests.save();
  const loaded = await FileDigests.load(folder.at('digests'));
  const warm = await pass(loaded);
  ahead.mock.restore();
  assert.equal(warm, cold);
});

test('ContextTree.hash() forgets files that have vanished, and reads those that were replaced', async () => {
  using folder = temporaryFolder('scan');
  const large = 'x'.repeat(100_000);
  fill(folder, { 'd/small': 'a', 'd/large': large, 'd/replaced': large, 'd/stays': 'b' });
  const tree = await scanned(folder);
  const names = tree.list(rawPath('d'));
  for (const name of ['d/small', 'd/large', 'd/replaced']) rmSync(folder.at(name));
  writeFileSync(folder.at('d/replaced'), 'new');
  await tree.hash(names.map((name) => joinPath(rawPath('d'), name)));
  assert.deepEqual(seen(tree), ['d', 'd/replaced', 'd/stays']);
  const replaced = tree.lookup(rawPath('d/replaced'));
  assert.deepEqual(replaced?.type === 'file' && [replaced.digest, replaced.size], [sha256('new'), 3]);
});

test('ContextTree.forgetVanished() forgets files, links and folders that are not there any more', async () => {
  using folder = temporaryFolder('scan');
  fill(folder, { 'd/f': '', 'e/f': '', stays: '' });
  symlinkSync('stays', folder.at('l'));
  const tree = await scanned(folder);
  assert.deepEqual(seen(tree), ['d', 'd/f', 'e', 'e/f', 'l', 'stays']);
  rmSync(folder.at('d'), { recursive: true });
  rmSync(folder.at('e/f'));
  rmSync(folder.at('l'));
  await tree.forgetVanished();
  assert.deepEqual(seen(tree), ['e', 'stays']);
});

test('planCopy() takes what did not vanish between looking and reading', async () => {
  using folder = temporaryFolder('scan');
  fill(folder, { 'a/gone': '', 'a/stays': '', 'b/gone': '', 'c.txt': '', 'd.txt': '' });
  const paths = async (source: string, keepsParents: boolean, ...gone: readonly string[]): Promise<readonly string[]> => {
    const tree = await scanned(folder);
    seen(tree);
    for (const name of gone) rmSync(folder.at(name));
    const groups = await chooseCopiedFiles(tree, { sources: [{ kind: 'path', path: source }], excludes: [], keepsParents });
    for (const name of gone) writeFileSync(folder.at(name), '');
    return groups.flatMap(({ entries }) => [...entries].map(({ from }) => from as string));
  };
  assert.deepEqual(await paths('a', false, 'a/gone'), ['a', 'a/stays']);
  assert.deepEqual(await paths('*.txt', false, 'c.txt'), ['d.txt']);
  assert.deepEqual(await paths('*/gone', true, 'b/gone'), ['', 'a', 'a/gone']);
  await assert.rejects(paths('c.txt', false, 'c.txt'), { name: 'SourceError', code: 'missing' });
});

test('what a step takes stays what its key was made of, whatever another step finds vanished meanwhile', async () => {
  using folder = temporaryFolder('scan');
  fill(folder, { 'a/gone': '', 'a/stays': '' });
  const tree = await scanned(folder);
  const take = async (): Promise<readonly string[]> => {
    const [group] = await chooseCopiedFiles(tree, { sources: [{ kind: 'path', path: 'a' }], excludes: [], keepsParents: false });
    return [...(group?.entries ?? [])].map(({ from }) => from);
  };
  const [group] = await chooseCopiedFiles(tree, { sources: [{ kind: 'path', path: 'a' }], excludes: [], keepsParents: false });
  rmSync(folder.at('a/gone'));
  await tree.forgetVanished();
  assert.deepEqual(await take(), ['a', 'a/stays']);
  assert.deepEqual(
    [...(group?.entries ?? [])].map(({ from }) => from),
    ['a', 'a/gone', 'a/stays'],
  );
});

test('steps that look at one folder at the same time see the same files', async () => {
  using folder = temporaryFolder('scan');
  for (let count = 0; count < 3000; count++) fill(folder, { [`d/${count}`]: `${count}`, [`d/sub-${count % 7}/${count}`]: '' });
  const tree = await scanned(folder, 'd/sub-3\n!d/sub-3/3\n');
  const take = async (source: string): Promise<readonly unknown[]> => {
    const [group] = await chooseCopiedFiles(tree, {
      sources: [{ kind: 'path', path: source }],
      excludes: [],
      keepsParents: false,
    });
    return [...(group?.entries ?? [])].map((entry) => [entry.from, entry.type === 'file' && entry.digest]);
  };
  const [whole, same, one, gone] = await Promise.all([
    take('d'),
    take('d'),
    take('d/17'),
    take('d/sub-3/10').catch(() => 'gone'),
  ]);
  assert.deepEqual(same, whole);
  assert.deepEqual(one, [['d/17', sha256('17')]]);
  assert.equal(gone, 'gone');
  // The folder, its files, seven folders, and what is in them but for those that are ignored.
  assert.equal(whole.length, 1 + 3000 + 7 + 3000 - 428);
});
