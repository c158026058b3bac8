import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { digestOf } from '../../registry/oci/digest.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { isSystemError } from '../../registry/oci/thrown.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import type { Fault } from '../support/faulty-call.ts';
import { busyboxLayer, layerTar } from '../support/images.ts';
import { describe as described, json } from '../support/registry-image.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');
const diskNeeds = requires('root', 'user:subids', 'tool:busybox');

/** A base of two layers; the second is large, so that it is unpacked while it arrives. */
const noise = Array.from({ length: 8 }, (_, index) => ({ name: `noise-${index}`, content: randomBytes(1 << 20) }));
const layers = [gzipSync(await busyboxLayer(), { level: 1 }), gzipSync(await layerTar(noise), { level: 1 })] as const;
const [, large] = layers;

function prepared(registry: FakeRegistry, bytes: Buffer = large): Sandbox {
  const config = json({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(gunzipSync(layer))) },
  });
  const descriptors = layers.map((layer) => described(layer, mediaType.layerGzip));
  const manifest = json({
    schemaVersion: 2,
    mediaType: mediaType.manifest,
    config: described(config, mediaType.config),
    layers: descriptors,
  });
  registry.addBlob('base', config);
  registry.addBlob('base', layers[0]);
  registry.addBlob('base', bytes, digestOf(large));
  registry.addManifest('base', '1', { bytes: manifest, type: mediaType.manifest });
  return sandbox().file('c/Containerfile', `FROM ${registry.host}/base:1\nRUN cat /noise-7 > /copy\n`);
}

const path = new RegExp(`/blobs/${digestOf(large)}$`);
const args = ['--store', 'store', '-o', 'type=none', 'c'] as const;

/** Nothing of the large layer is there: no blob, no folder, nothing that a session left. */
function assertNothingLeft(box: Sandbox): void {
  assert.equal(existsSync(box.at('store/blobs/sha256', digestOf(large).slice('sha256:'.length))), false);
  assertNoFolder(box);
}

/** One for the small layer below may be there. */
function assertNoFolder(box: Sandbox): void {
  assert.deepEqual(readdirSync(box.at('store/tmp')), []);
  assert.equal(readdirSync(box.at('store/snapshots')).length <= 1, true);
}

function isUnpacking(box: Sandbox): boolean {
  const sessions = namesIn(box.at('store/tmp')).map((name) => box.at('store/tmp', name));
  return sessions.some((session) => namesIn(session).some((name) => existsSync(join(session, name, 'fs/noise-0'))));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isSystemError(error) && ['ENOENT', 'ENOTDIR'].includes(error.code)) return [];
    throw error;
  }
}

async function untilUnpacking(box: Sandbox): Promise<void> {
  while (!isUnpacking(box)) await delay(10);
}

test('a layer is unpacked while it arrives', needs, async () => {
  await using registry = await FakeRegistry.start();
  using box = prepared(registry);
  registry.fail({ path, times: 1, fault: { kind: 'cut', atByte: large.length - 100_000 } });
  // What is missing comes when the beginning has been unpacked.
  registry.fail({ path, times: 1, fault: { kind: 'hold', until: untilUnpacking(box) } });
  await box.tsbuild(...args).succeeds();
});

const lies: readonly [title: string, fault: Fault, exit: number, stderr: RegExp][] = [
  ['has another bit', { kind: 'tamper' }, 4, /content has the digest sha256:/],
  ['ends too early', { kind: 'truncate', atByte: large.length - 100_000 }, 4, /it should have \d+ bytes and has \d+/],
];

for (const [title, fault, exit, stderr] of lies) {
  test(`a layer that ${title} leaves nothing, and is fetched again`, needs, async () => {
    await using registry = await FakeRegistry.start();
    using box = prepared(registry);
    registry.fail({ path, fault });
    await box.tsbuild(...args).fails({ exit, stderr });
    assertNothingLeft(box);
    registry.heal();
    await box.tsbuild(...args).succeeds();
  });
}

const others: readonly [title: string, bytes: Buffer][] = [
  ['no archive at all', Buffer.alloc(large.length, 'x')],
  ['gzip that is damaged at once', Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), randomBytes(large.length - 4)])],
  ['zeros that grow', padded(gzipSync(Buffer.alloc(1 << 28), { level: 9 }), large.length)],
  [
    'files above the root',
    padded(gzipSync(await layerTar([{ name: '../../above', content: randomBytes(4 << 20) }])), large.length),
  ],
];

for (const [title, bytes] of others) {
  test(`${title} in the place of a layer is told as another digest, and leaves nothing`, needs, async () => {
    await using registry = await FakeRegistry.start();
    using box = prepared(registry, bytes);
    await box.tsbuild(...args).fails({ exit: 4, stderr: /content has the digest sha256:/ });
    assertNothingLeft(box);
    registry.addBlob('base', large);
    await box.tsbuild(...args).succeeds();
  });
}

for (const [signal, exit] of [
  ['SIGINT', 130],
  ['SIGKILL', undefined],
] as const) {
  test(`${signal} while a layer is unpacked as it arrives leaves nothing for the next build`, needs, async () => {
    await using registry = await FakeRegistry.start();
    using box = prepared(registry);
    registry.fail({ path, fault: { kind: 'stall', atByte: large.length - 100_000 } });
    const run = box.tsbuildWith({ isAlone: true }, ...args);
    await untilUnpacking(box);
    run.child.kill(signal);
    const finished = await run.finished();
    if (exit === undefined) assert.equal(finished.signal, signal);
    else assert.equal(finished.exit, exit, finished.stderr);
    registry.heal();
    await box.tsbuild(...args).succeeds();
    assert.deepEqual(readdirSync(box.at('store/tmp')), []);
  });
}

test('a disk that fills while a layer is unpacked as it arrives is told, and the store still works', diskNeeds, async () => {
  await using registry = await FakeRegistry.start();
  using box = prepared(registry);
  mkdirSync(box.at('store'));
  const options = `size=16m,mode=0755,uid=${box.user.uid},gid=${box.user.gid}`;
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', box.at('store')], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  try {
    await box.tsbuild(...args).fails({ exit: 5, stderr: /no space left on device/i });
    assertNoFolder(box);
    await box
      .file('d/Containerfile', 'FROM scratch\nCOPY Containerfile /\n')
      .tsbuild('--store', 'store', '-o', 'type=none', 'd')
      .succeeds();
    assert.deepEqual(readdirSync(box.at('store/tmp')), []);
  } finally {
    spawnSync('umount', ['-l', box.at('store')]);
  }
});

function padded(bytes: Buffer, length: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, length - bytes.length))]).subarray(0, length);
}
