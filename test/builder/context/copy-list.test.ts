import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { CopyLists, writeCopyList } from '../../../builder/context/copy-list.ts';
import type { CopyEntry } from '../../../executor/protocol/copy-entry.ts';
import { encodeCopyList } from '../../../executor/protocol/copy-list.ts';
import { rawPath } from '../../../registry/oci/raw-path.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('writeCopyList() writes the lines of a list to a new file', async () => {
  using folder = temporaryFolder('list');
  const entries = foldersOf(2500);
  await writeCopyList(folder.at('list'), entries);
  const text = readFileSync(folder.at('list'), 'utf8');
  assert.deepEqual(text.split('\n'), [...encodeCopyList(entries), '']);
  await assert.rejects(writeCopyList(folder.at('list'), entries), { code: 'EEXIST' });
  await writeCopyList(folder.at('empty'), []);
  assert.equal(readFileSync(folder.at('empty'), 'utf8'), '');
});

test('CopyLists.write() puts short lists of all steps into one file, and long ones into their own', async () => {
  using folder = temporaryFolder('lists');
  let paths = 0;
  const lists = new CopyLists(async () => folder.at(`${++paths}`));
  const steps = [
    [foldersOf(2), foldersOf(0), foldersOf(3)],
    [foldersOf(0)],
    [foldersOf(400), foldersOf(1)],
    [foldersOf(64)],
    [foldersOf(1)],
  ];
  const written = await Promise.all(steps.map((step) => lists.write(step)));
  assert.deepEqual(
    written.map(({ file }) => path.basename(file)),
    ['1', '1', '2', '1', '1'],
  );
  for (const [step, { file, parts }] of written.entries()) {
    const bytes = readFileSync(file);
    assert.deepEqual(
      parts.map(({ start, end }) => bytes.toString('utf8', start, end)),
      steps[step]?.map((entries) => [...encodeCopyList(entries)].map((line) => `${line}\n`).join('')),
    );
  }
});

function foldersOf(count: number): readonly CopyEntry[] {
  return Array.from({ length: count }, (_, number): CopyEntry => {
    const name = rawPath(`"${number}\n\u00ff"`);
    return { type: 'directory', from: name, to: name, mode: 0o755, uid: 0, gid: 0, mtime: 0 };
  });
}
