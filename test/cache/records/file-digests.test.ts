import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FileDigests } from '../../../cache/records/file-digests.ts';
import { type FileStamp, partsOfStamp } from '../../../cache/records/stamped-files.ts';
import { folderOf, nameOf, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const second = 1_000_000_000n;
const stamp: FileStamp = { dev: 1n, ino: 2n, size: 3n, mtimeNs: 100n * second, ctimeNs: 100n * second };
const digest = 'ab'.repeat(32);
const path = rawPath('d/f');
const lateNs = 200n * second;

/** As a tree does that has read the file. */
function remember(digests: FileDigests, at: RawPath, file: { readonly stamp: FileStamp; readonly readNs: bigint }): void {
  const row = digests.files.add(0, partsOfStamp(file.stamp));
  digests.files.setDigest(row, digest);
  digests.remember({ folder: folderOf(at), name: nameOf(at), row }, file.readNs);
}

test('a digest is remembered until the file changes', async () => {
  using folder = temporaryFolder('digests');
  const digests = await FileDigests.load(folder.at('f'));
  assert.equal(digests.get(path, stamp), undefined);
  remember(digests, path, { stamp, readNs: lateNs });
  await digests.save();
  for (const known of [digests, await FileDigests.load(folder.at('f'))]) {
    assert.equal(known.get(path, stamp), digest);
    for (const field of ['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const) {
      assert.equal(known.get(path, { ...stamp, [field]: stamp[field] + 1n }), undefined, field);
    }
    assert.equal(known.get(rawPath('d/g'), stamp), undefined);
  }
});

const racy: readonly (readonly [what: string, mtimeNs: bigint, ctimeNs: bigint, isRemembered: boolean])[] = [
  ['long before', 90n * second, 90n * second, true],
  ['just before it was read', 99n * second, 99n * second, false],
  ['with an old mtime, but changed just before', 1n * second, 99n * second, false],
  ['with an mtime in the future', 1000n * second, 90n * second, false],
  ['after it was read', 101n * second, 101n * second, false],
];

test('a file that changed so shortly before it was read that another change would not show is not remembered', async () => {
  using folder = temporaryFolder('digests');
  const digests = await FileDigests.load(folder.at('f'));
  for (const [what, mtimeNs, ctimeNs, isRemembered] of racy) {
    const changed = { ...stamp, mtimeNs, ctimeNs };
    const name = rawPath(what);
    remember(digests, name, { stamp: changed, readNs: 100n * second });
    assert.equal(digests.get(name, changed) !== undefined, isRemembered, what);
  }
});

test('nothing is written when nothing is new', async () => {
  using folder = temporaryFolder('digests');
  const today = 20_000;
  const digests = await FileDigests.load(folder.at('f'), { today });
  remember(digests, path, { stamp, readNs: lateNs });
  await digests.save();
  const { ino } = statSync(folder.at('f'));
  const again = await FileDigests.load(folder.at('f'), { today: today + 1 });
  assert.equal(again.get(path, stamp), digest);
  await again.save();
  assert.equal(statSync(folder.at('f')).ino, ino);
});

test('digests that nobody used for a month are dropped, those in use stay', async () => {
  using folder = temporaryFolder('digests');
  const other = rawPath('other');
  const first = await FileDigests.load(folder.at('f'), { today: 100 });
  remember(first, path, { stamp, readNs: lateNs });
  remember(first, other, { stamp, readNs: lateNs });
  await first.save();
  for (const today of [120, 140]) {
    const later = await FileDigests.load(folder.at('f'), { today });
    assert.equal(later.get(path, stamp), digest);
    await later.save();
  }
  const last = await FileDigests.load(folder.at('f'), { today: 141 });
  assert.equal(last.get(path, stamp), digest);
  assert.equal(last.get(other, stamp), undefined);
});

test('a damaged file counts as empty', async () => {
  using folder = temporaryFolder('digests');
  const digests = await FileDigests.load(folder.at('f'));
  remember(digests, path, { stamp, readNs: lateNs });
  await digests.save();
  const bytes = readFileSync(folder.at('f'));
  for (const damage of [
    bytes.subarray(0, 10),
    bytes.subarray(0, -1),
    Buffer.from(bytes.map((byte, index) => (index === 90 ? byte ^ 1 : byte))),
  ]) {
    writeFileSync(folder.at('f'), damage);
    assert.equal((await FileDigests.load(folder.at('f'))).get(path, stamp), undefined);
  }
});

test('any names and numbers come back', async () => {
  using folder = temporaryFolder('digests');
  const names = fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)), minLength: 1 });
  const number = fc.bigInt({ min: 0n, max: (1n << 63n) - 1n });
  const file = fc.record({ name: names, dev: number, ino: number, size: number });
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(file, { selector: ({ name }) => name, maxLength: 20 }), async (files) => {
      const digests = await FileDigests.load(folder.at('none'));
      const written = FileDigests.load(folder.at('f'));
      for (const { name, ...rest } of files) {
        remember(await written, rawPath(name), { stamp: { ...stamp, ...rest }, readNs: lateNs });
      }
      await (await written).save();
      const read = await FileDigests.load(folder.at('f'));
      for (const { name, ...rest } of files) assert.equal(read.get(rawPath(name), { ...stamp, ...rest }), digest);
      assert.equal(digests.get(path, stamp), undefined);
    }),
    { numRuns: 30 },
  );
});
