import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { NeedsFolder } from '../../../../executor/inside/copy/needs-folder.ts';
import { TarOrder } from '../../../../executor/inside/copy/tar-order.ts';
import { joinPath, type RawPath, rawPath } from '../../../../registry/oci/raw-path.ts';

const path = fc
  .array(fc.constantFrom('a', 'a-', 'a.', 'b', '\u00ff', 'a b'), { minLength: 1, maxLength: 3 })
  .map((names) => rawPath(names.join('/')));

/** Names one by one; a folder before what is in it. */
function comesBefore(one: RawPath, other: RawPath): boolean {
  const [names, others] = [one.split('/'), other.split('/')];
  const at = names.findIndex((name, index) => name !== others[index]);
  return at === -1 ? names.length < others.length : (names[at] ?? '') < (others[at] ?? '');
}

function isInOrder(enter: () => void): boolean {
  try {
    enter();
    return true;
  } catch (error) {
    if (error instanceof NeedsFolder) return false;
    throw error;
  }
}

test('TarOrder takes paths that are sorted name by name', () => {
  fc.assert(
    fc.property(path, path, (one, other) => {
      const order = new TarOrder();
      order.next(one);
      assert.equal(
        isInOrder(() => order.next(other)),
        comesBefore(one, other),
      );
    }),
  );
});

test('TarOrder takes a run as it takes its files', () => {
  const names = fc.array(fc.constantFrom('a', 'b', 'c', 'a-', '\u00ff').map(rawPath), { maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom('', 'a', 'b').map(rawPath), names, path, (folder, files, after) => {
      const [runs, entries] = [new TarOrder(), new TarOrder()];
      const run = { type: 'files', folder, mode: 0, uid: 0, gid: 0, names: files, sizes: [], mtimes: [], digests: '' } as const;
      const isTaken = isInOrder(() => {
        runs.nextRun(run);
        runs.next(after);
      });
      const areTaken = isInOrder(() => {
        for (const name of files) entries.next(joinPath(folder, name));
        entries.next(after);
      });
      assert.equal(isTaken, areTaken);
    }),
  );
});

test('TarOrder refuses names that stand for deleted files', () => {
  const run = { type: 'files', folder: rawPath('a'), mode: 0, uid: 0, gid: 0, sizes: [], mtimes: [], digests: '' } as const;
  for (const names of [['.wh.x'], ['.a', '.wh.x']].map((each) => each.map(rawPath))) {
    assert.throws(() => new TarOrder().nextRun({ ...run, names }), /Cannot put "\/a\/\.wh\.x" into a layer/);
  }
});
