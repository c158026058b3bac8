import assert from 'node:assert/strict';
import { chmodSync, linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { chooseCopiedFiles } from '../../../builder/context/copy-plan.ts';
import { scanContext } from '../../../builder/context/scan.ts';
import type { CopyEntries } from '../../../builder/context/taken-files.ts';
import { TakenRun } from '../../../builder/context/taken-run.ts';
import { copyDigest } from '../../../builder/keys/copy-digest.ts';
import type { ListedEntry } from '../../../executor/protocol/copy-entry.ts';
import { type CopyItems, decodeListItem, encodeCopyList, listedFiles } from '../../../executor/protocol/copy-list.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';

const names = ['a', 'B', '\u00e9', '\u4e2d', 'new\nline', 'tab\t\\', '"quoted"', 'x'.repeat(255)];
const times = [0, -5.25, 1.000000001, 1234.75, 4_000_000_000];

/** Folders in folders with files of all modes, times and names, more than a line holds, links of both kinds. */
function fill(folder: TemporaryFolder): void {
  for (const inner of ['c', 'c/in', 'c/in/\u00fc', 'c/many', 'c/empty']) mkdirSync(folder.at(inner));
  for (const inner of ['c', 'c/in', 'c/in/\u00fc']) {
    for (const [index, name] of names.entries()) {
      const file = folder.at(inner, name);
      writeFileSync(file, `${inner}${name}`);
      chmodSync(file, [0o644, 0o644, 0o4755][index % 3] ?? 0);
      utimesSync(file, 1, times[index % times.length] ?? 0);
    }
  }
  for (let file = 0; file < 1200; file++) writeFileSync(folder.at('c/many', `f${file}`), `${file % 7}`);
  writeFileSync(folder.at('c/large'), 'y'.repeat(100_000));
  linkSync(folder.at('c/a'), folder.at('c/in/hard'));
  symlinkSync('a', folder.at('c/many/link'));
}

const kinds = [
  { replacesOwner: false, replacesMode: false, isArchive: false },
  { replacesOwner: true, replacesMode: true, isArchive: false },
  { replacesOwner: false, replacesMode: false, isArchive: true },
];

/** What a list says of each file, however its lines are cut. */
function listed(items: CopyItems): readonly ListedEntry[] {
  return [...encodeCopyList(items)]
    .map(decodeListItem)
    .flatMap((item) => (item.type === 'files' ? [...listedFiles(item)] : [item]));
}

async function assertSame(entries: CopyEntries): Promise<void> {
  const single = [...entries];
  assert.deepEqual(listed(entries), listed(single));
  for (const kind of kinds) {
    const [together, apart] = [await copyDigest(entries, kind), await copyDigest(single, kind)];
    assert.equal(together.digest, apart.digest);
    assert.deepEqual([...together.inputs()], [...apart.inputs()]);
  }
}

test('files that are taken together have the same digest and the same list as one by one', async () => {
  using folder = temporaryFolder('taken');
  fill(folder);
  const tree = await scanContext(folder.at('c'));
  const request = { keepsParents: false, excludes: [] };
  const [whole] = await chooseCopiedFiles(tree, { ...request, sources: [{ kind: 'path', path: '.' }] });
  assert.ok(whole !== undefined);
  assert.equal(whole.entries.length, 1 + 4 + 3 * names.length + 1200 + 3);
  const runs = [...(whole.entries.runs?.() ?? [])].filter((item) => item instanceof TakenRun);
  assert.equal(Math.max(...runs.map((run) => run.names.length)), 1000);
  await assertSame(whole.entries);
  const some = await chooseCopiedFiles(tree, {
    sources: [
      { kind: 'path', path: 'many/f*' },
      { kind: 'path', path: 'in' },
    ],
    excludes: ['**/B', 'many/f7*'],
    keepsParents: false,
  });
  for (const { entries } of some) await assertSame(entries);
});
