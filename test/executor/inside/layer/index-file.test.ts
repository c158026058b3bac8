import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { IndexWriter, readIndex } from '../../../../executor/inside/layer/index-file.ts';
import { fileOf, type LayerRun } from '../../../../registry/oci/layer/layer-run.ts';
import { rawPath } from '../../../../registry/oci/raw-path.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const name = fc.stringMatching(/^[\u0001-\u002e\u0030-\u00ff]{1,8}$/).map(rawPath);
const file = fc.record({ name, size: fc.nat(), mtime: fc.integer(), digest: fc.stringMatching(/^[0-9a-f]{64}$/) });

const anyRun: fc.Arbitrary<LayerRun> = fc
  .record({
    shared: fc.record({
      folder: fc.constantFrom('', 'a"/\u00e9').map(rawPath),
      mode: fc.nat(0o7777),
      uid: fc.nat(),
      gid: fc.nat(),
    }),
    files: fc.array(file, { maxLength: 5 }),
  })
  .map(({ shared, files }) => ({
    type: 'files',
    ...shared,
    names: files.map((each) => each.name),
    sizes: files.map(({ size }) => size),
    mtimes: files.map(({ mtime }) => mtime),
    digests: files.map(({ digest }) => digest).join(''),
  }));

test('readIndex() gives the files of a run as it gives entries', () => {
  using folder = temporaryFolder('index');
  let number = 0;
  fc.assert(
    fc.property(fc.array(anyRun, { maxLength: 4 }), (runs) => {
      number += 1;
      const [columns, entries] = [folder.at(`${number}-columns`), folder.at(`${number}-entries`)];
      const files = runs.flatMap((run) => run.names.map((_, index) => fileOf(run, index)));
      using first = new IndexWriter(columns);
      for (const run of runs) first.addRun(run);
      first.finish();
      using second = new IndexWriter(entries);
      for (const entry of files) second.add(entry);
      second.finish();
      assert.deepEqual([first.entries, second.entries], [files.length, files.length]);
      assert.deepEqual([...readIndex(columns)], files);
      assert.deepEqual([...readIndex(entries)], files);
    }),
  );
});

test('fileOf() refuses an index that is not there', () => {
  const run = {
    type: 'files',
    folder: rawPath(''),
    mode: 0,
    uid: 0,
    gid: 0,
    names: [],
    sizes: [],
    mtimes: [],
    digests: '',
  } as const;
  assert.throws(() => fileOf(run, 0), RangeError);
});
