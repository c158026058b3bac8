import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FakeRegistry } from '../support/fake-registry.ts';
import { plant, testImage, testIndex } from '../support/registry-image.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');

/** Builds on an image by name, without asking anybody. */
function buildOn(box: Sandbox, from: string, ...flags: readonly string[]): ReturnType<Sandbox['tsbuild']> {
  return box.file('c/Containerfile', `FROM ${from}\nENV B=2\n`).tsbuild('--pull=never', ...flags, '-t', 'built', 'c');
}

interface Row {
  /** How the image comes into the store. */
  readonly arrives: 'pull by tag' | 'pull by digest' | 'pull all platforms' | 'build';
  /** What a FROM says after the repository. */
  readonly digest: 'of the image' | 'of the index';
}

const rows: readonly Row[] = [
  { arrives: 'pull by tag', digest: 'of the image' },
  { arrives: 'pull by tag', digest: 'of the index' },
  { arrives: 'pull by digest', digest: 'of the index' },
  { arrives: 'pull all platforms', digest: 'of the image' },
  { arrives: 'pull all platforms', digest: 'of the index' },
  { arrives: 'build', digest: 'of the image' },
  { arrives: 'build', digest: 'of the index' },
];

for (const { arrives, digest } of rows) {
  test(`after ${arrives}, the digest ${digest} names an image of the store, with and without a tag`, needs, async () => {
    await using registry = await FakeRegistry.start();
    const image = testImage({ platform: { os: 'linux', architecture: 'amd64' } });
    plant(registry, { repository: 'base', tag: 'single' }, image);
    const index = testIndex([image.descriptor]);
    const ofIndex = registry.addManifest('base', '1', index);
    const name = `${registry.host}/base`;
    using box = sandbox();
    await arrive(box, arrives, { name, digest: ofIndex });
    const asked = registry.log().length;
    const wanted = digest === 'of the index' ? ofIndex : image.descriptor.digest;
    await buildOn(box, `${name}@${wanted}`).succeeds();
    await buildOn(box, `${name}:1@${wanted}`).succeeds();
    await buildOn(box, 'scratch', '--build-context', `other=docker-image://${name}:1@${wanted}`).succeeds();
    await buildOn(box, `${registry.host}/another@${wanted}`).fails({ exit: 2, stderr: /is not in the store/ });
    assert.equal(registry.log().length, asked);
  });
}

async function arrive(box: Sandbox, how: Row['arrives'], { name, digest }: { name: string; digest: string }): Promise<void> {
  switch (how) {
    case 'pull by tag':
      await box.tsbuild('pull', '--platform=linux/amd64', `${name}:1`).succeeds();
      return;
    case 'pull by digest':
      await box.tsbuild('pull', '--platform=linux/amd64', `${name}@${digest}`).succeeds();
      return;
    case 'pull all platforms':
      await box.tsbuild('copy', '--all', `docker://${name}:1`, `store:${name}:1`).succeeds();
      return;
    case 'build':
      await box.file('c/Containerfile', `FROM ${name}:1\n`).tsbuild('-t', 'first', 'c').succeeds();
  }
}

test('an image made here has a digest to be named by, and one platform of several has its own', needs, async () => {
  using box = sandbox().file('base/Containerfile', 'FROM scratch\nCOPY Containerfile /\n');
  await box.tsbuild('-t', 'here:1', '--metadata-file', 'one.json', 'base').succeeds();
  const platforms = '--platform=linux/amd64,linux/arm64';
  await box.tsbuild('-t', 'both:1', platforms, '--metadata-file', 'both.json', 'base').succeeds();
  const digestIn = (file: string): string => JSON.parse(readFileSync(box.at(file), 'utf8'))['containerimage.digest'];
  for (const tag of ['', ':1', ':other']) await buildOn(box, `here${tag}@${digestIn('one.json')}`).succeeds();
  await buildOn(box, `both:1@${digestIn('both.json')}`, platforms).succeeds();
  await buildOn(box, `both:1@${digestIn('one.json')}`).succeeds();
  await buildOn(box, `both:1@sha256:${'0'.repeat(64)}`).fails({ exit: 2, stderr: /is not in the store/ });
  box.file('c/Containerfile', `FROM scratch\nCOPY --from=here:1@${digestIn('one.json')} /Containerfile /copy\n`);
  await box.tsbuild('--pull=never', 'c').succeeds();
});
