import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { RegistryClient, type RegistryLimits } from '../../registry/distribution/client.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { digestOf } from '../../registry/oci/digest.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { type PushImage, type PushOptions, type PushProgress, pushImage, pushIndex } from '../../registry/push.ts';
import { resolveImage } from '../../registry/resolve-image.ts';
import { FakeRegistry, type FaultRule } from '../support/fake-registry.ts';
import { describe as describeBytes, json, plant, type TestImage, testImage, testIndex } from '../support/registry-image.ts';

const limits: RegistryLimits = { backoffMs: 1, stallTimeoutMs: 2000, attempts: 4 };
const environment = { CONTAINERS_REGISTRIES_CONF: '/nonexistent', HOME: '/nonexistent' };
const registry = await FakeRegistry.start();
const client = new RegistryClient({ environment, limits });

after(async () => {
  await client[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

function parts(image: TestImage, origin?: string): PushImage {
  return {
    manifestBytes: image.manifest.bytes,
    mediaType: image.manifest.type,
    configBytes: image.config,
    layers: image.layers.map((bytes, index) => ({
      descriptor: image.layerDescriptors[index] ?? describeBytes(bytes, mediaType.layerGzip),
      open: () => chunksOf(bytes),
      origin: origin === undefined ? undefined : { registry: registry.host, repository: origin },
    })),
  };
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 10_000) yield bytes.subarray(start, start + 10_000);
}

function push(name: string, image: PushImage, options: Partial<PushOptions> = {}): ReturnType<typeof pushImage> {
  return pushImage(`${registry.host}/${name}`, image, { client, ...options });
}

/** A signal that is aborted when the last request of so many uploads has come: before that, some may not know yet where they go. */
function abortAt(uploads: number): { readonly signal: AbortSignal; readonly reason: Error } {
  const controller = new AbortController();
  const reason = new Error('enough');
  const putsOf = (): number =>
    registry.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/uploads/')).length;
  const before = putsOf();
  const looking = setInterval(() => {
    if (putsOf() - before < uploads) return;
    clearInterval(looking);
    controller.abort(reason);
  }, 10);
  return { signal: controller.signal, reason };
}

function blobsOf(image: TestImage): readonly string[] {
  return [image.config, ...image.layers].map(digestOf);
}

/** Runs work under one fault, then heals. */
async function under<T>(rule: FaultRule, work: () => Promise<T>): Promise<T> {
  registry.fail(rule);
  try {
    return await work();
  } finally {
    registry.heal();
  }
}

function assertThere(repository: string, image: TestImage): void {
  for (const digest of blobsOf(image)) assert.ok(registry.links.has(`${repository} ${digest}`), digest);
  assert.deepEqual(registry.manifests.get(`${repository}/${image.descriptor.digest}`)?.bytes, Buffer.from(image.manifest.bytes));
}

describe('pushImage()', () => {
  test('sends blobs, then the manifest under each tag', async () => {
    const image = testImage();
    registry.requests.length = 0;
    const result = await push('first:1', parts(image), { tags: ['latest', '1'] });
    assertThere('first', image);
    assert.deepEqual(result, {
      descriptor: image.descriptor,
      references: ['1', 'latest'].map((tag) => `${registry.host}/first:${tag}@${image.descriptor.digest}`),
    });
    assert.deepEqual(registry.log().slice(-2), ['PUT /v2/first/manifests/1', 'PUT /v2/first/manifests/latest']);
    assert.equal(registry.log().filter((line) => line.startsWith('HEAD')).length, 3);
  });

  test('sends nothing that is there', async () => {
    const image = testImage();
    await push('twice:1', parts(image));
    registry.requests.length = 0;
    const seen: PushProgress[] = [];
    await push('twice:2', parts(image), { onProgress: (progress) => seen.push(progress) });
    assert.deepEqual(new Set(registry.requests.map(({ method }) => method)), new Set(['HEAD', 'PUT']));
    assert.deepEqual(new Set(seen.map(({ state }) => state)), new Set(['present']));
  });

  test('mounts what another repository of the registry has', async () => {
    const image = testImage();
    plant(registry, { repository: 'base', tag: '1' }, image);
    const states: string[] = [];
    await push('mounting:1', parts(image, 'base'), { onProgress: ({ state }) => states.push(state) });
    assert.deepEqual(states.filter((state) => state === 'mounted').length, 2);
    assertThere('mounting', image);
  });

  test('mounts what it has sent to another repository itself', async () => {
    const image = testImage();
    await push('name-one:1', parts(image));
    const states: string[] = [];
    await push('name-two:1', parts(image), { onProgress: ({ state }) => states.push(state) });
    assert.deepEqual(states, ['mounted', 'mounted', 'mounted']);
    assertThere('name-two', image);
  });

  test('sends what cannot be mounted', async () => {
    const image = testImage();
    await push('no-mount:1', parts(image, 'nowhere'));
    assertThere('no-mount', image);
    const refusal = { kind: 'reply', status: 400, body: '{}' } as const;
    const second = testImage();
    await under({ method: 'POST', path: /uploads/, query: /mount=/, fault: refusal }, () =>
      push('no-mount:2', parts(second, 'base')),
    );
    assertThere('no-mount', second);
  });

  test('sends chunks when asked to', async () => {
    const image = testImage({ layerSizes: [90_000] });
    registry.requests.length = 0;
    await push('chunks:1', parts(image), { chunkBytes: 25_000 });
    assertThere('chunks', image);
    const ranges = registry.requests.filter(({ method }) => method === 'PATCH').map(({ headers }) => headers['content-range']);
    assert.deepEqual(ranges.slice(0, 3), ['0-24999', '25000-49999', '50000-74999']);
  });

  test('sends no smaller chunks than the registry takes', async () => {
    await using at = await FakeRegistry.start({ leastChunkBytes: 40_000 });
    await pushImage(`${at.host}/app:1`, parts(testImage({ layerSizes: [90_000] })), { client, chunkBytes: 1000 });
    const ranges = at.requests.filter(({ method }) => method === 'PATCH').map(({ headers }) => headers['content-range']);
    assert.deepEqual(ranges.slice(0, 2), ['0-39999', '40000-79999']);
  });

  test('reports progress', async () => {
    const image = testImage({ layerSizes: [50_000] });
    const seen: PushProgress[] = [];
    await push('progress:1', parts(image), { onProgress: (progress) => seen.push(progress) });
    const [layer] = image.layerDescriptors;
    const ofLayer = seen.filter(({ digest }) => digest === layer?.digest);
    assert.deepEqual(ofLayer.at(-1), { digest: layer?.digest, state: 'sent', doneBytes: layer?.size, totalBytes: layer?.size });
    assert.deepEqual(
      ofLayer.map(({ doneBytes }) => doneBytes),
      ofLayer.map(({ doneBytes }) => doneBytes).toSorted((a, b) => a - b),
    );
  });

  test('takes up an upload where it was cut', async () => {
    const image = testImage({ layerSizes: [200_000] });
    registry.requests.length = 0;
    await under({ method: 'PUT', path: /uploads/, times: 1, after: 1, fault: { kind: 'cut-upload', atByte: 60_000 } }, () =>
      push('cut:1', parts(image)),
    );
    assertThere('cut', image);
    assert.ok(
      registry.requests.some(({ method }) => method === 'PATCH'),
      'it goes on with PATCH',
    );
  });

  test('begins again at a registry that takes no chunks', async () => {
    await using whole = await FakeRegistry.start({ allowsChunks: false });
    const image = testImage({ layerSizes: [200_000] });
    whole.fail({ method: 'PUT', path: /uploads/, times: 2, fault: { kind: 'cut-upload', atByte: 60_000 } });
    await pushImage(`${whole.host}/app:1`, parts(image), { client });
    for (const digest of blobsOf(image)) assert.ok(whole.blobs.has(digest));
  });

  for (const [what, rule] of [
    ['5xx when uploads begin', { method: 'POST', path: /uploads/, times: 3, fault: { kind: 'reply', status: 500 } }],
    ['5xx when uploads end', { method: 'PUT', path: /uploads/, times: 3, fault: { kind: 'reply', status: 502, body: '<html>' } }],
    ['closed connections', { path: /v2/, times: 3, fault: { kind: 'reset' } }],
    ['429', { method: 'PUT', path: /./, times: 2, fault: { kind: 'reply', status: 429, headers: { 'retry-after': '0' } } }],
  ] as const) {
    test(`outlasts ${what}`, async () => {
      const image = testImage();
      await under(rule, () => push('storm:1', parts(image)));
      assertThere('storm', image);
    });
  }

  test('gives up where every upload is cut, after as many failures as the limits say in all', async () => {
    const image = testImage({ layerSizes: [200_000] });
    registry.requests.length = 0;
    registry.fail({ method: 'GET', path: /uploads/, fault: { kind: 'reset' } });
    await assert.rejects(
      under({ method: 'PUT', path: /uploads/, fault: { kind: 'cut-upload', atByte: 1000 } }, () => push('cut:2', parts(image))),
      { code: 'connection-lost' },
    );
    const failed = registry.requests.filter(
      ({ method, path }) => /uploads\/./.test(path) && method !== 'POST' && method !== 'DELETE',
    );
    // Configuration and layer are sent beside each other, four failures and a last try each at most.
    assert.ok(failed.length <= 2 * 5, failed.map(({ method, path }) => `${method} ${path}`).join('\n'));
  });

  test('names a blob whose bytes are not what its digest says', async () => {
    const image = testImage();
    const [first, ...rest] = parts(image).layers;
    assert.ok(first);
    const wrong = { ...first, open: () => chunksOf(Buffer.alloc(first.descriptor.size)) };
    await assert.rejects(push('wrong:1', { ...parts(image), layers: [wrong, ...rest] }), {
      code: 'digest-mismatch',
      message: `Cannot push blob ${first.descriptor.digest} to "${registry.host}/wrong": ${registry.host} received other bytes than the digest says (it answered 400, DIGEST_INVALID: the fake says DIGEST_INVALID)`,
    });
    for (const bytes of [Buffer.alloc(10), Buffer.alloc(first.descriptor.size + 1)]) {
      const short = { ...first, open: () => chunksOf(bytes) };
      await assert.rejects(push('wrong:1', { ...parts(image), layers: [short, ...rest] }), {
        code: 'size-mismatch',
        side: 'client',
      });
    }
    assert.equal(registry.manifests.has('wrong/1'), false);
  });

  test('gives up on a registry that stops reading', async () => {
    await using hasty = new RegistryClient({ environment, limits: { ...limits, stallTimeoutMs: 200, attempts: 2 } });
    const image = testImage({ layerSizes: [8_000_000] });
    const hang: FaultRule = { method: 'PUT', path: /uploads/, fault: { kind: 'hang' } };
    await assert.rejects(
      under(hang, () => pushImage(`${registry.host}/hang:1`, parts(image), { client: hasty })),
      { code: 'timeout' },
    );
  });

  test('stops with the reason of the abort', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    registry.fail({ method: 'PUT', path: /uploads/, fault: { kind: 'hang' } });
    const pending = push('abort:1', parts(testImage()), { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(pending, reason);
    registry.heal();
  });

  test('refuses to push to another digest', async () => {
    const image = testImage();
    await assert.rejects(push(`digest@${digestOf('other')}`, parts(image)), { code: 'reference-invalid' });
    const result = await push(`digest@${image.descriptor.digest}`, parts(image));
    assert.deepEqual(result.references, [`${registry.host}/digest@${image.descriptor.digest}`]);
  });

  test('leaves foreign layers where they are', async () => {
    const image = testImage({ layerSizes: [1000] });
    const foreign: Descriptor = {
      ...describeBytes(Buffer.from('foreign'), 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
      urls: ['https://example.com/x'],
    };
    const config = json({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [foreign.digest, digestOf('b')] },
    });
    const manifest = json({
      schemaVersion: 2,
      mediaType: mediaType.dockerManifest,
      config: describeBytes(config, mediaType.dockerConfig),
      layers: [foreign, ...image.layerDescriptors],
    });
    await push('foreign:1', {
      ...parts(image),
      manifestBytes: manifest,
      mediaType: mediaType.dockerManifest,
      configBytes: config,
    });
    assert.equal(registry.links.has(`foreign ${foreign.digest}`), false);
    assert.ok(registry.manifests.has('foreign/1'));
  });
});

describe('an upload that is given up', () => {
  const hang: FaultRule = { method: 'PUT', path: /uploads/, fault: { kind: 'hang' } };

  for (const whose of ['the push', 'the client'] as const) {
    test(`is cancelled at the registry when ${whose} is aborted`, async () => {
      const { signal, reason } = abortAt(3);
      await using aborted = new RegistryClient({ environment, limits, ...(whose === 'the client' && { signal }) });
      const options = { client: aborted, ...(whose === 'the push' && { signal }) };
      const before = registry.openUploads;
      await assert.rejects(
        under(hang, () => push('abort:2', parts(testImage()), options)),
        reason,
      );
      assert.equal(registry.openUploads, before);
    });
  }

  test('is cancelled when its bytes are wrong, after the last attempt, and before it is begun again', async () => {
    await using at = await FakeRegistry.start({ allowsChunks: false });
    // One blob after the other, so that none is being begun while another fails.
    await using single = new RegistryClient({ environment, limits: { ...limits, parallelBlobs: 1 } });
    const options = { client: single };
    const image = testImage({ layerSizes: [200_000] });
    const [layer] = parts(image).layers;
    assert.ok(layer);
    const short = { ...layer, open: () => chunksOf(Buffer.alloc(10)) };
    await assert.rejects(pushImage(`${at.host}/app:1`, { ...parts(image), layers: [short] }, options), { code: 'size-mismatch' });
    at.fail({ method: 'PUT', path: /uploads/, after: 1, times: 1, fault: { kind: 'cut-upload', atByte: 60_000 } });
    await pushImage(`${at.host}/app:1`, parts(image), options);
    at.heal();
    at.fail({ method: 'PUT', path: /uploads/, fault: { kind: 'reply', status: 502 } });
    await assert.rejects(pushImage(`${at.host}/app:2`, parts(testImage()), options), { code: 'server-error' });
    assert.equal(at.openUploads, 0);
  });

  test('does not wait for a registry that does not answer that either', async () => {
    const { signal, reason } = abortAt(2);
    registry.fail({ method: 'DELETE', path: /uploads/, fault: { kind: 'hang' } });
    await assert.rejects(
      under(hang, () => push('abort:3', parts(testImage({ layerSizes: [10] })), { signal })),
      reason,
    );
  });
});

describe('pushIndex()', () => {
  test('pushes images before the index, and shared blobs once', async () => {
    const shared = testImage({ platform: { os: 'linux', architecture: 'amd64' } });
    const other = testImage({ platform: { os: 'linux', architecture: 'arm64' } });
    const index = testIndex([shared.descriptor, other.descriptor]);
    registry.requests.length = 0;
    const result = await pushIndex(
      `${registry.host}/multi:1`,
      { indexBytes: index.bytes, mediaType: index.type, images: [parts(shared), parts(other), parts(shared)] },
      { client },
    );
    assert.equal(result.descriptor.digest, digestOf(index.bytes));
    assert.equal(registry.log().at(-1), 'PUT /v2/multi/manifests/1');
    const heads = registry.log().filter((line) => line.startsWith('HEAD'));
    assert.equal(new Set(heads).size, heads.length);
    for (const [architecture, image] of [
      ['amd64', shared],
      ['arm64', other],
    ] as const) {
      const found = await resolveImage(`${registry.host}/multi:1`, { client, platform: { os: 'linux', architecture } });
      assert.equal(found.descriptor.digest, image.descriptor.digest);
      assert.equal(found.index?.digest, result.descriptor.digest);
    }
  });
});

describe('a manifest with a subject', () => {
  const image = testImage();
  const config = Buffer.from('{}');

  function artifact(note: string): PushImage {
    const manifest = json({
      schemaVersion: 2,
      mediaType: mediaType.manifest,
      artifactType: 'application/x.note',
      config: describeBytes(config, mediaType.empty),
      layers: [],
      subject: image.descriptor,
      annotations: { note },
    });
    return { manifestBytes: manifest, mediaType: mediaType.manifest, configBytes: config, layers: [] };
  }

  test('is listed under the tag of its subject where the registry keeps no list', async () => {
    for (const note of ['one', 'two', 'two']) {
      const bytes = artifact(note).manifestBytes;
      await push(`signed@${digestOf(bytes)}`, artifact(note));
    }
    const list = registry.manifests.get(`signed/sha256-${image.descriptor.digest.slice(7)}`);
    const entries: unknown = JSON.parse(list?.bytes.toString() ?? '{}');
    assert.deepEqual(entries, {
      schemaVersion: 2,
      mediaType: mediaType.index,
      manifests: ['one', 'two'].map((note) => ({
        ...describeBytes(artifact(note).manifestBytes, mediaType.manifest),
        artifactType: 'application/x.note',
        annotations: { note },
      })),
    });
  });

  test('is left to registries that keep one', async () => {
    await using modern = await FakeRegistry.start({ hasReferrers: true });
    await pushImage(`${modern.host}/signed:1`, artifact('one'), { client });
    assert.equal(
      [...modern.manifests.keys()].some((name) => name.includes('sha256-')),
      false,
    );
  });
});
