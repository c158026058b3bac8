import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PullPolicy } from '../../builder/contract/options.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import { plant, testImage } from '../support/registry-image.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');

/** What a second build asks the registry for, and which image it builds on. */
interface Row {
  readonly policy: PullPolicy | 'true' | 'false' | 'default';
  readonly isMoved: boolean;
  /** Methods, in the order of the requests for manifests. */
  readonly asks: readonly string[];
  readonly base: 'old' | 'new';
}

const rows: readonly Row[] = [
  { policy: 'default', isMoved: true, asks: [], base: 'old' },
  { policy: 'missing', isMoved: true, asks: [], base: 'old' },
  { policy: 'false', isMoved: true, asks: [], base: 'old' },
  { policy: 'never', isMoved: true, asks: [], base: 'old' },
  { policy: 'always', isMoved: false, asks: ['GET'], base: 'old' },
  { policy: 'always', isMoved: true, asks: ['GET'], base: 'new' },
  { policy: 'true', isMoved: true, asks: ['GET'], base: 'new' },
  { policy: 'newer', isMoved: false, asks: ['HEAD'], base: 'old' },
  { policy: 'newer', isMoved: true, asks: ['HEAD', 'GET'], base: 'new' },
];

for (const { policy, isMoved, asks, base } of rows) {
  test(`--pull=${policy} of a known tag that ${isMoved ? 'moved' : 'stayed'} builds on the ${base} image`, needs, async () => {
    await using registry = await FakeRegistry.start();
    const old = testImage();
    const moved = testImage();
    plant(registry, { repository: 'base', tag: '1' }, old);
    using box = sandbox();
    box.file('c/Containerfile', `FROM ${registry.host}/base:1\nENV B=2\n`);
    const build = (...flags: readonly string[]): ReturnType<typeof box.tsbuild> => box.tsbuild(...flags, '-t', 'built', 'c');
    await build().succeeds();
    if (isMoved) plant(registry, { repository: 'base', tag: '1' }, moved);
    const before = registry.log().length;
    await build(...(policy === 'default' ? [] : [`--pull=${policy}`])).succeeds();
    const asked = registry.log().slice(before);
    const { stdout } = await box.tsbuild('inspect', 'built').succeeds();
    const [layer] = (base === 'old' ? old : moved).layerDescriptors;
    assert.deepEqual(
      [
        asked.filter((line) => line.includes('/manifests/')).map((line) => line.split(' ')[0]),
        stdout.includes(layer?.digest ?? ''),
      ],
      [asks, true],
    );
  });
}

test('--pull=never of an unknown image asks nobody', needs, async () => {
  await using registry = await FakeRegistry.start();
  plant(registry, { repository: 'base', tag: '1' }, testImage());
  using box = sandbox();
  box.file('c/Containerfile', `FROM ${registry.host}/base:1\nENV B=2\n`);
  await box
    .tsbuild('--pull=never', 'c')
    .fails({ exit: 2, stderr: [/is not in the store, and --pull=never/, /Leave --pull=never out/] });
  assert.deepEqual(registry.log(), []);
});
