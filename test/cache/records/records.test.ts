import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { openStore, type Store } from '../../../cache/store.ts';
import type { Descriptor } from '../../../registry/oci/descriptor.ts';
import { digestOf } from '../../../registry/oci/digest.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const key = 'ab'.repeat(32);
const facts = { diffId: digestOf('layer'), sizeBytes: 5, entries: 1 };
const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' };

async function storeBlob(store: Store, text: string): Promise<Descriptor> {
  const bytes = Buffer.from(text);
  return { mediaType: 'application/x', digest: await store.blobs.putBytes(bytes), size: bytes.length };
}

test('records come back as they were put, in their build at once and in others after the flush', async () => {
  using folder = temporaryFolder('records');
  using store = await openStore(folder.path);
  const descriptor = await storeBlob(store, 'content');
  const layer = { descriptor, diffId: digestOf('tar') };
  const download = { digest: descriptor.digest, sizeBytes: 7, etag: '"x"', lastModified: undefined };
  const latest = { key, components: [{ name: 'command', digest: 'd', shown: 'ls' }] };
  // Enough for several pieces.
  const inputs = ['a\tfile', 'b "\u00e9\u0001', ...Array.from({ length: 20_000 }, (_, index) => `file ${index}`)];
  await store.steps.put(key, { chainId: digestOf('chain'), facts });
  const publish = await store.steps.writeLatest('stage 1/2', latest, inputs);
  publish();
  await store.layers.put(facts.diffId, 'gzip-6', layer);
  await store.images.tag('docker.io/library/app:latest', descriptor);
  await store.resolved.put('docker.io/library/base:1', platform, descriptor);
  await store.downloads.put('https://me:secret@host/x', download);
  await store.derived.put('what', 'value');
  assert.deepEqual(await store.steps.get(key), { chainId: digestOf('chain'), facts });
  assert.deepEqual((await store.images.get('docker.io/library/app:latest'))?.descriptor, descriptor);
  await store.flush();
  using other = await openStore(folder.path);
  assert.deepEqual(await other.steps.get(key), { chainId: digestOf('chain'), facts });
  assert.deepEqual(await other.steps.latest('stage 1/2'), { ...latest, inputs });
  assert.deepEqual(await other.layers.get(facts.diffId, 'gzip-6'), layer);
  assert.equal(await other.layers.get(facts.diffId, 'gzip-9'), undefined);
  assert.deepEqual(
    (await other.images.list()).map((image) => image.name),
    ['docker.io/library/app:latest'],
  );
  assert.deepEqual((await other.resolved.get('docker.io/library/base:1', platform))?.descriptor, descriptor);
  assert.equal(await other.resolved.get('docker.io/library/base:1', { os: 'linux', architecture: 'arm64' }), undefined);
  assert.deepEqual(await other.downloads.get('https://me:secret@host/x'), download);
  assert.equal(await other.derived.get('what'), 'value');
});

test('records whose blob is gone do not count', async () => {
  using folder = temporaryFolder('records');
  using store = await openStore(folder.path);
  const descriptor = await storeBlob(store, 'content');
  await store.layers.put(facts.diffId, 'original', { descriptor, diffId: facts.diffId });
  await store.resolved.put('x', platform, descriptor);
  await store.downloads.put('x', { digest: descriptor.digest, sizeBytes: 7, etag: undefined, lastModified: undefined });
  await store.flush();
  await store.blobs.remove(descriptor.digest);
  assert.equal(await store.layers.get(facts.diffId, 'original'), undefined);
  assert.equal(await store.resolved.get('x', platform), undefined);
  assert.equal(await store.downloads.get('x'), undefined);
});

test('a record that is damaged counts as missing', async () => {
  using folder = temporaryFolder('records');
  using store = await openStore(folder.path);
  for (const damage of ['', '{', '[]', 'null', '{"version":1}', '{"version":2,"chainId":"sha256:0"}']) {
    await store.steps.put(key, { chainId: digestOf('chain'), facts });
    await store.flush();
    writeFileSync(store.layout.step(key), damage);
    using other = await openStore(folder.path);
    assert.equal(await other.steps.get(key), undefined, damage);
  }
});

test('a record of another key, one with a changed byte and one of an older version count as missing', async () => {
  using folder = temporaryFolder('records');
  using store = await openStore(folder.path);
  const otherKey = 'cd'.repeat(32);
  const descriptor = await storeBlob(store, 'content');
  const records: Readonly<Record<string, readonly [files: readonly [string, string], get: (other: Store) => Promise<unknown>]>> =
    {
      step: [[store.layout.step(key), store.layout.step(otherKey)], (other) => other.steps.get(key)],
      layer: [
        [store.layout.layer(facts.diffId, 'gzip-6'), store.layout.layer(facts.diffId, 'gzip-9')],
        (other) => other.layers.get(facts.diffId, 'gzip-6'),
      ],
      download: [[store.layout.download('a'), store.layout.download('b')], (other) => other.downloads.get('a')],
      derived: [[store.layout.derived('a'), store.layout.derived('b')], (other) => other.derived.get('a')],
    };
  for (const one of [key, otherKey]) await store.steps.put(one, { chainId: digestOf(one), facts });
  for (const one of ['gzip-6', 'gzip-9']) await store.layers.put(facts.diffId, one, { descriptor, diffId: facts.diffId });
  for (const one of ['a', 'b']) {
    await store.downloads.put(one, { digest: descriptor.digest, sizeBytes: 7, etag: one, lastModified: undefined });
    await store.derived.put(one, one);
  }
  await store.flush();
  for (const [kind, [[file, otherFile], get]] of Object.entries(records)) {
    const text = readFileSync(file, 'utf8');
    const { seal: _, about: __, ...old }: Record<string, unknown> = JSON.parse(text);
    const flips = Array.from(text, (letter, at) => text.slice(0, at) + (letter === 'x' ? 'y' : 'x') + text.slice(at + 1));
    for (const damaged of [readFileSync(otherFile, 'utf8'), JSON.stringify(old), ...flips]) {
      writeFileSync(file, damaged);
      using other = await openStore(folder.path);
      assert.equal(await get(other), undefined, `${kind}: ${damaged}`);
    }
    writeFileSync(file, text);
    using other = await openStore(folder.path);
    assert.notEqual(await get(other), undefined, kind);
  }
});

test('names of older versions stay, and a damaged one is told', async () => {
  using folder = temporaryFolder('records');
  using store = await openStore(folder.path);
  const descriptor = await storeBlob(store, '1');
  const file = store.layout.image('a');
  writeFileSync(file, JSON.stringify({ version: 1, name: 'a', descriptor }));
  assert.deepEqual((await store.images.get('a'))?.descriptor, descriptor);
  for (const damaged of ['', JSON.stringify({ version: 1, name: 'b', descriptor })]) {
    writeFileSync(file, damaged);
    await assert.rejects(store.images.get('a'), { code: 'corrupt' });
    assert.deepEqual(await store.images.list(), []);
  }
  await store.images.tag('a', descriptor);
  await store.flush();
  assert.deepEqual((await store.images.get('a'))?.descriptor, descriptor);
});

test('using a record says so in its time, for pruning', async () => {
  using folder = temporaryFolder('records');
  using store = await openStore(folder.path);
  await store.derived.put('what', 'value');
  await store.flush();
  utimesSync(store.layout.derived('what'), 1, 1);
  await store.derived.get('what');
  const { usedMs } =
    (await import('../../../cache/inventory.ts').then(({ takeInventory }) => takeInventory(store.layout)))[0] ?? {};
  assert.ok(usedMs !== undefined && usedMs > 1_000_000_000_000);
});

const usedBefore: readonly (readonly [what: string, ageMs: number, isTold: boolean])[] = [
  ['some seconds ago', 10_000, false],
  ['most of a minute ago', 55_000, false],
  ['more than a minute ago', 61_000, true],
  ['in the future, by a clock that was wrong', -3_600_000, true],
];

for (const [what, ageMs, isTold] of usedBefore) {
  test(`a record that was used ${what} ${isTold ? 'is' : 'is not'} written to again`, async () => {
    using folder = temporaryFolder('records');
    using store = await openStore(folder.path);
    await store.derived.put('what', 'value');
    await store.flush();
    const file = store.layout.derived('what');
    const before = Math.floor((Date.now() - ageMs) / 1000);
    utimesSync(file, before, before);
    assert.equal(await store.derived.get('what'), 'value');
    const after = statSync(file).mtimeMs;
    if (isTold) assert.ok(Math.abs(Date.now() - after) < 30_000, `${after}`);
    else assert.equal(after, before * 1000);
  });
}

test('names of images can be given, moved and removed', async () => {
  using folder = temporaryFolder('records');
  using store = await openStore(folder.path);
  const [first, second] = [await storeBlob(store, '1'), await storeBlob(store, '2')];
  await store.images.tag('b', first);
  await store.images.tag('a', first);
  await store.images.tag('b', second);
  await store.flush();
  const names = (await store.images.list()).map(({ name, descriptor }) => [name, descriptor.digest]);
  assert.deepEqual(names, [
    ['a', first.digest],
    ['b', second.digest],
  ]);
  assert.equal(await store.images.remove('a'), true);
  assert.equal(await store.images.remove('a'), false);
  assert.equal(await store.images.get('a'), undefined);
});

test('credentials in a URL are not in the store', async () => {
  using folder = temporaryFolder('records');
  using store = await openStore(folder.path);
  const { digest } = await storeBlob(store, 'content');
  await store.downloads.put('https://me:hunter2@host/x', { digest, sizeBytes: 7, etag: undefined, lastModified: undefined });
  await store.flush();
  for (const file of readdirSync(folder.path, { recursive: true, encoding: 'utf8' })) {
    assert.doesNotMatch(file, /hunter2/);
    if (file.endsWith('.json')) assert.doesNotMatch(readFileSync(folder.at(file), 'utf8'), /hunter2/);
  }
});

test('of names given several times before a sync the last one stays, and removed ones stay away', async () => {
  using folder = temporaryFolder('store');
  using store = await openStore(folder.path);
  const descriptors = ['1', '2', '3'].map((content) => ({ mediaType: 'x', digest: digestOf(content), size: 1 }));
  const names = Array.from({ length: 60 }, (_, index) => `name-${String(index)}`);
  for (const name of [...names, 'gone']) {
    for (const descriptor of descriptors) await store.images.tag(name, descriptor);
  }
  assert.equal(await store.images.remove('gone'), true);
  await store.flush();
  const kept = await store.images.list();
  assert.deepEqual(new Set(kept.map(({ name }) => name)), new Set(names));
  assert.deepEqual(new Set(kept.map(({ descriptor }) => descriptor.digest)), new Set([digestOf('3')]));
});
