import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type HashedSmallFile, hashSmallFiles, type StampedFile } from '../../../builder/context/hash-small-files.ts';
import { pathOfText } from '../../../registry/oci/raw-path.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';

function stamped(folder: TemporaryFolder, name: string): StampedFile {
  return { path: pathOfText(name), stamp: lstatSync(folder.at(name), { bigint: true }) };
}

async function hashed(folder: TemporaryFolder, files: readonly StampedFile[]): Promise<Map<string, string | undefined>> {
  const digests = new Map<string, string | undefined>();
  for await (const some of hashSmallFiles(folder.path, files, undefined)) {
    for (const { file, digest } of some) digests.set(file.path, digest);
  }
  return digests;
}

const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

test('hashSmallFiles() hashes files of all sizes up to its limit', async () => {
  using folder = temporaryFolder('hash');
  const contents = new Map<string, string>();
  for (let number = 0; number < 1500; number++) contents.set(`${number}`, `${number} `.repeat(number % 400));
  contents.set('largest', 'x'.repeat(512 * 1024));
  mkdirSync(folder.at('inner'));
  contents.set('inner/last', 'y'.repeat(65_535));
  for (const [name, content] of contents) writeFileSync(folder.at(name), content);
  const digests = await hashed(
    folder,
    [...contents.keys()].map((name) => stamped(folder, name)),
  );
  assert.deepEqual(digests, new Map([...contents].map(([name, content]) => [name, sha256(content)])));
});

test('hashSmallFiles() has no digest for what is not as it was', async () => {
  using folder = temporaryFolder('hash');
  const names = ['same', 'longer', 'shorter', 'other', 'gone', 'link', 'folder'];
  for (const name of names) writeFileSync(folder.at(name), 'content');
  const files = names.map((name) => stamped(folder, name));
  writeFileSync(folder.at('longer'), 'content and more');
  writeFileSync(folder.at('shorter'), 'con');
  writeFileSync(folder.at('other'), 'CONTENT');
  for (const name of ['gone', 'link', 'folder']) rmSync(folder.at(name));
  symlinkSync('same', folder.at('link'));
  mkdirSync(folder.at('folder'));
  const digests = await hashed(folder, files);
  assert.deepEqual([...digests.keys()], names);
  assert.deepEqual(
    [...digests].filter(([, digest]) => digest !== undefined),
    [['same', sha256('content')]],
  );
});

test('hashSmallFiles() ends with its signal, and closes what it opened', async () => {
  using folder = temporaryFolder('hash');
  for (let number = 0; number < 1000; number++) writeFileSync(folder.at(`${number}`), 'content');
  const files = Array.from({ length: 1000 }, (_, number) => stamped(folder, `${number}`));
  const openBefore = readdirSync('/proc/self/fd').length;
  const results: HashedSmallFile<StampedFile>[] = [];
  const abort = new AbortController();
  const reason = new Error('enough');
  const all = async (): Promise<void> => {
    for await (const some of hashSmallFiles(folder.path, files, abort.signal)) {
      results.push(...some);
      abort.abort(reason);
    }
  };
  await assert.rejects(all(), reason);
  assert.equal(results.length, 256);
  assert.equal(readdirSync('/proc/self/fd').length, openBefore);
});
