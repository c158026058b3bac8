import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FakeRegistry } from '../support/fake-registry.ts';
import { type ReadImage, readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');

async function built(box: Sandbox, base: string, ...flags: readonly string[]): Promise<ReadImage> {
  box.file('c/Containerfile', 'ARG BASE\nFROM $BASE AS middle\nCOPY Containerfile /one\nFROM middle\nCOPY Containerfile /two\n');
  await box.tsbuild('--build-arg', `BASE=${base}`, ...flags, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  return readImage(box.at('o.tar'));
}

const epochs = [
  [],
  ['--source-date-epoch=1600000000'],
  ['--source-date-epoch=0'],
  ['--source-date-epoch=1600000000', '--squash'],
];

for (const flags of epochs) {
  test(`an image is the same wherever its base was built, with ${flags.join(' ') || 'no epoch'}`, needs, async () => {
    await using registry = await FakeRegistry.start();
    using box = sandbox().file('base/Containerfile', 'FROM scratch\nCOPY Containerfile /base\n');
    await box.tsbuild('-t', 'base', 'base').succeeds();
    await box.tsbuild('push', 'base', `${registry.host}/base:1`).succeeds();
    await box.tsbuild('-o', 'type=oci,dest=base.tar', 'base').succeeds();
    const here = await built(box, 'base', ...flags);
    const pulled = await built(box, `${registry.host}/base:1`, ...flags);
    const base = await readImage(box.at('base.tar'));
    assert.deepEqual(here.manifest.layers[0], base.manifest.layers[0]);
    assert.deepEqual(here.config.rootfs, pulled.config.rootfs);
    assert.equal(here.manifestDigest, pulled.manifestDigest);
  });
}

test('layers of this build carry the epoch, those of its base do not', needs, async () => {
  using box = sandbox().file('base/Containerfile', 'FROM scratch\nCOPY Containerfile /base\n');
  await box.tsbuild('-t', 'base', 'base').succeeds();
  const { layers } = await built(box, 'base', '--source-date-epoch=1600000000');
  const times = ['base', 'one', 'two'].map((name, index) => layers[index]?.get(name)?.header.mtime?.getTime());
  assert.deepEqual(times, [Date.parse('1980-01-02T00:00:00Z'), 1_600_000_000_000, 1_600_000_000_000]);
});

test('a kept image with an epoch is pushed as a build that pushes at once would push it', needs, async () => {
  await using registry = await FakeRegistry.start();
  using box = sandbox().file('base/Containerfile', 'FROM scratch\nCOPY Containerfile /base\n');
  await box.tsbuild('-t', 'base', 'base').succeeds();
  box.file('c/Containerfile', 'FROM base\nCOPY Containerfile /one\n');
  const epoch = '--source-date-epoch=1600000000';
  await box.tsbuild(epoch, '-t', 'kept', 'c').succeeds();
  const { stdout } = await box.tsbuild('push', 'kept', `${registry.host}/kept:1`, '--digestfile', 'digest').succeeds();
  await box.tsbuild(epoch, '-t', `${registry.host}/built:1`, '--push', '--metadata-file', 'meta.json', 'c').succeeds();
  assert.equal(
    JSON.parse(readFileSync(box.at('meta.json'), 'utf8'))['containerimage.digest'],
    readFileSync(box.at('digest'), 'utf8'),
    stdout,
  );
});
