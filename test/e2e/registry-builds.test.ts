import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { after, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FakeRegistry } from '../support/fake-registry.ts';
import { writeLayout } from '../support/images.ts';
import { plant, testImage } from '../support/registry-image.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');
const registry = await FakeRegistry.start();
const other = await FakeRegistry.start();
const { host } = registry;
const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };
const [first, second] = [testImage({ platform }), testImage({ platform })];

after(async () => {
  await registry[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

beforeEach(() => {
  registry.requests.length = 0;
  plant(registry, { repository: 'base', tag: '1' }, first);
});

describe('--pull', needs, () => {
  const head = 'HEAD /v2/base/manifests/1';
  const get = 'GET /v2/base/manifests/1';
  const configOf = ({ config }: typeof first): string => `GET /v2/base/blobs/${registry.addBlob('base', config)}`;

  for (const [policy, same, changed] of [
    ['missing', [], []],
    ['never', [], []],
    ['newer', [head], [head, get, configOf(second)]],
    ['always', [get, configOf(first)], [get, configOf(second)]],
  ] as const) {
    test(`${policy} asks for what it should, with the image in the store and another one in the registry`, async () => {
      using box = sandbox();
      box.file('c/Containerfile', `FROM ${host}/base:1\nLABEL a=b\n`);
      await box.tsbuild('-o', 'type=none', 'c').succeeds();
      assert.deepEqual(registry.log(), [get, configOf(first)]);
      registry.requests.length = 0;
      await box.tsbuild(`--pull=${policy}`, '-o', 'type=none', 'c').succeeds();
      assert.deepEqual(registry.log(), same);
      registry.requests.length = 0;
      plant(registry, { repository: 'base', tag: '1' }, second);
      await box.tsbuild(`--pull=${policy}`, '-o', 'type=none', 'c').succeeds();
      assert.deepEqual(registry.log(), changed);
    });
  }

  test('never fails without the image, and asks nobody', async () => {
    using box = sandbox();
    box.file('c/Containerfile', `FROM ${host}/base:1\n`);
    await box.tsbuild('--pull=never', 'c').fails({ exit: 2, stderr: /it is not in the store, and --pull=never/ });
    assert.deepEqual(registry.log(), []);
  });
});

describe('Ctrl-C', needs, () => {
  for (const argv of [
    ['build', '-t', `${other.host}/stopped:1`, '--push', 'c'],
    ['copy', 'oci:layout', `docker://${other.host}/stopped:1`],
  ]) {
    test(`in the middle of ${argv[0]} leaves no upload behind, and does not wait for long`, async () => {
      using box = sandbox();
      writeLayout(box.at('layout'), { layers: [randomBytes(3_000_000)] });
      box.file('c/Containerfile', 'FROM scratch\nCOPY file /\n').file('c/file', randomBytes(3_000_000));
      other.fail({ method: 'PUT', path: /uploads/, after: 1, fault: { kind: 'hang' } });
      const run = box.tsbuildWith({ isAlone: true }, ...argv);
      const begun = (): number =>
        other.requests.filter(({ method, path }) => method === 'PUT' && path.includes('uploads')).length;
      // The first one may be on its way still.
      while (begun() < 2 || other.openUploads !== 1) await delay(20);
      run.child.kill('SIGINT');
      assert.equal((await run.finished()).exit, 130);
      other.heal();
      other.requests.length = 0;
      assert.equal(other.openUploads, 0);
      assert.equal(other.manifests.has('stopped/1'), false);
    });
  }
});

describe('a build that adds no files to its base', needs, () => {
  test('sends the layers to another registry as they come, and unpacks nothing', async () => {
    using box = sandbox();
    box.file('c/Containerfile', `FROM ${host}/base:1\nLABEL a=b\n`);
    await box.tsbuild('-t', `${other.host}/moved:1`, '--push', 'c').succeeds();
    for (const { digest } of first.layerDescriptors) assert.ok(other.links.has(`moved ${digest}`), digest);
    assert.deepEqual(readdirSync(box.at('store/snapshots')), []);
    for (const { digest } of first.layerDescriptors) {
      const times = registry.log().filter((line) => line === `GET /v2/base/blobs/${digest}`);
      assert.equal(times.length, 1, digest);
    }
  });

  test('mounts them in the same registry, under each name that is asked for', async () => {
    using box = sandbox();
    box.file('c/Containerfile', `FROM ${host}/base:1\nLABEL a=b\n`);
    const names = ['one:1', 'one:2', 'two:1'].map((name) => `${host}/${name}`);
    await box.tsbuild(...names.flatMap((name) => ['-t', name]), '-o', 'type=registry', 'c').succeeds();
    for (const name of ['one/1', 'one/2', 'two/1']) assert.ok(registry.manifests.has(name), name);
    const layers = first.layerDescriptors.map(({ digest }) => `GET /v2/base/blobs/${digest}`);
    assert.deepEqual(
      registry.log().filter((line) => layers.includes(line)),
      [],
    );
  });

  test('keeps what it pushes when it is asked for an image', async () => {
    using box = sandbox();
    box.file('c/Containerfile', `FROM ${host}/base:1\nLABEL a=b\n`);
    const names = ['three:1', 'three:2'].map((name) => `${host}/${name}`);
    await box.tsbuild('-o', `type=image,push=true,"name=${names.join(',')}"`, 'c').succeeds();
    for (const name of ['three/1', 'three/2']) assert.ok(registry.manifests.has(name), name);
    for (const name of names) await box.tsbuild('inspect', name).succeeds();
  });
});
