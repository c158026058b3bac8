import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RegistryClient, type RegistryLimits } from '../../registry/distribution/client.ts';
import { RegistryError } from '../../registry/errors/registry-error.ts';
import { digestOf } from '../../registry/oci/digest.ts';
import type { BlobSource, SourceImage } from '../../registry/oci/image-source.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { resolveDigest, resolveImage } from '../../registry/resolve-image.ts';
import { FakeRegistry, type FaultRule } from '../support/fake-registry.ts';
import { collect, describe as describeBytes, json, plant, testImage, testIndex } from '../support/registry-image.ts';

const platform = { os: 'linux', architecture: 'amd64' };
const limits: RegistryLimits = { backoffMs: 1, stallTimeoutMs: 2000, attempts: 4 };
const image = testImage({ layerSizes: [5000, 300_000] });
const registry = await FakeRegistry.start();
const noticed: string[] = [];
const environment = { CONTAINERS_REGISTRIES_CONF: '/nonexistent', HOME: '/nonexistent' };
const client = new RegistryClient({ environment, limits, onNotice: (text) => noticed.push(text) });
plant(registry, { repository: 'app', tag: '1' }, image);

after(async () => {
  await client[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

function resolve(text = 'app:1'): Promise<SourceImage> {
  return resolveImage(`${registry.host}/${text}`, { client, platform });
}

async function layerOf(source: { readonly blobs: BlobSource }, index: number, offset = 0): Promise<Buffer> {
  const descriptor = image.layerDescriptors[index];
  assert.ok(descriptor);
  const stream = await source.blobs.open(descriptor, { offset });
  assert.equal(stream.offset, offset);
  return collect(stream.bytes);
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

describe('resolveImage()', () => {
  test('fetches manifest and configuration, and no layer', async () => {
    registry.requests.length = 0;
    const source = await resolve();
    assert.deepEqual(registry.log(), ['GET /v2/app/manifests/1', `GET /v2/app/blobs/${source.manifest.config.digest}`]);
    assert.equal(source.reference, `${registry.host}/app:1@${image.descriptor.digest}`);
    assert.deepEqual(source.descriptor, image.descriptor);
    assert.deepEqual(Buffer.from(source.manifestBytes), image.manifest.bytes);
    assert.deepEqual(source.config.config, { Env: ['A=1'] });
    assert.equal(source.blobs.name, `${registry.host}/app`);
  });

  test('asks for manifests of every kind, by tag and digest, with GET and HEAD', async () => {
    registry.requests.length = 0;
    await resolve();
    await resolve(`app@${image.descriptor.digest}`);
    await resolveDigest(`${registry.host}/app:1`, { client });
    const asked = registry.requests.filter(({ path }) => path.includes('/manifests/'));
    assert.deepEqual(
      asked.map(({ method }) => method),
      ['GET', 'GET', 'HEAD'],
    );
    for (const { headers } of asked) {
      assert.deepEqual(headers.accept?.split(/, ?/).toSorted(), [
        'application/vnd.docker.distribution.manifest.list.v2+json',
        'application/vnd.docker.distribution.manifest.v2+json',
        'application/vnd.oci.image.index.v1+json',
        'application/vnd.oci.image.manifest.v1+json',
      ]);
    }
  });

  test('finds an image by digest, whatever the tag', async () => {
    const source = await resolve(`app:gone@${image.descriptor.digest}`);
    assert.equal(source.descriptor.digest, image.descriptor.digest);
  });

  test('chooses the platform of an index and says which there are', async () => {
    const arm = testImage({ platform: { os: 'linux', architecture: 'arm64' } });
    plant(registry, { repository: 'multi', tag: 'arm' }, arm);
    plant(registry, { repository: 'multi', tag: 'amd' }, image);
    const attestation = { ...arm.descriptor, platform: { os: 'unknown', architecture: 'unknown' } };
    const index = testIndex([
      attestation,
      { ...arm.descriptor, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
      { ...image.descriptor, platform },
    ]);
    const digest = registry.addManifest('multi', '1', index);
    const source = await resolve('multi:1');
    assert.equal(source.descriptor.digest, image.descriptor.digest);
    assert.equal(source.index?.digest, digest);
    await assert.rejects(resolveImage(`${registry.host}/multi:1`, { client, platform: { os: 'linux', architecture: 's390x' } }), {
      code: 'platform-unknown',
      message: `Cannot fetch image "${registry.host}/multi:1" for linux/s390x: it is there for linux/arm64, linux/amd64`,
    });
  });

  test('names a manifest that was changed on the way', async () => {
    const rule: FaultRule = { path: /manifests/, fault: { kind: 'tamper' } };
    await assert.rejects(
      under(rule, () => resolve()),
      { code: 'digest-mismatch', side: 'registry' },
    );
  });

  test('names a configuration that was changed on the way', async () => {
    const rule: FaultRule = { path: /blobs/, fault: { kind: 'tamper' } };
    await assert.rejects(
      under(rule, () => resolve()),
      (error) => error instanceof RegistryError && error.code === 'digest-mismatch' && error.message.includes('blob sha256:'),
    );
  });

  test('says what is missing', async () => {
    await assert.rejects(resolve('app:2'), {
      code: 'manifest-unknown',
      message: `Cannot fetch image "${registry.host}/app:2": ${registry.host} has no such image (it answered 404, MANIFEST_UNKNOWN: the fake says MANIFEST_UNKNOWN)`,
    });
  });

  test('takes a page of HTML for what it is', async () => {
    const reply = { kind: 'reply', status: 200, headers: { 'content-type': 'text/html' }, body: '<html>hotel</html>' } as const;
    await assert.rejects(
      under({ path: /manifests/, fault: reply }, () => resolve()),
      { code: 'content-invalid' },
    );
    const refusal = { ...reply, status: 403, body: '<html>\u001b[31mno</html>' };
    await assert.rejects(
      under({ path: /manifests/, fault: refusal }, () => resolve()),
      {
        code: 'denied',
        message: `Cannot fetch image "${registry.host}/app:1": ${registry.host} does not allow it (it answered 403)`,
      },
    );
  });

  test('outlasts a storm of 5xx and refuses to outlast an endless one', async () => {
    const reply = { kind: 'reply', status: 503, headers: { 'retry-after': '0' } } as const;
    await under({ path: /manifests/, times: 3, fault: reply }, () => resolve());
    await assert.rejects(
      under({ path: /manifests/, fault: reply }, () => resolve()),
      { code: 'server-error', status: 503 },
    );
  });

  test('explains a rate limit', async () => {
    const headers = { 'retry-after': '3600', 'ratelimit-limit': '100;w=21600' };
    const reply = {
      kind: 'reply',
      status: 429,
      headers,
      body: '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}',
    } as const;
    await assert.rejects(
      under({ path: /manifests/, fault: reply }, () => resolve()),
      {
        code: 'too-many-requests',
        hint: `It allows 100 in 6 h. Wait 60 min, sign in with: tsbuild login ${registry.host}, or use a mirror (registries.conf)`,
      },
    );
  });

  test('leaves a circle of redirects', async () => {
    const reply = { kind: 'reply', status: 307, headers: { location: '/v2/app/manifests/1' } } as const;
    await assert.rejects(
      under({ path: /manifests/, fault: reply }, () => resolve()),
      { code: 'redirect' },
    );
  });

  test('survives connections that are closed without a reply', async () => {
    await under({ path: /manifests/, times: 2, fault: { kind: 'reset' } }, () => resolve());
  });

  test('stops with the reason of the abort', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    registry.fail({ path: /manifests/, fault: { kind: 'hang' } });
    const pending = resolveImage(`${registry.host}/app:1`, { client, platform, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(pending, reason);
    registry.heal();
  });
});

describe('a layer of a registry', () => {
  test('streams, and resumes at an offset', async () => {
    const source = await resolve();
    assert.deepEqual(await layerOf(source, 1), image.layers[1]);
    assert.deepEqual(await layerOf(source, 1, 1000), image.layers[1]?.subarray(1000));
    assert.deepEqual(await layerOf(source, 1, image.layers[1]?.length), Buffer.alloc(0));
    const rule: FaultRule = { path: /blobs/, fault: { kind: 'ignore-range' } };
    assert.deepEqual(await under(rule, () => layerOf(source, 1, 1000)), image.layers[1]?.subarray(1000));
  });

  test('goes on after the connection is cut at every tenth', async () => {
    const source = await resolve();
    const size = image.layers[1]?.length ?? 0;
    registry.requests.length = 0;
    const rule: FaultRule = { path: /blobs/, times: 9, fault: { kind: 'cut', atByte: Math.floor(size / 10) } };
    assert.deepEqual(await under(rule, () => layerOf(source, 1)), image.layers[1]);
    const ranges = registry.requests.map((request) => request.headers.range);
    assert.equal(ranges[0], undefined);
    assert.equal(ranges.length, 10);
  });

  test('fails when the connection is cut again and again at the same byte', async () => {
    const source = await resolve();
    const rule: FaultRule = { path: /blobs/, fault: { kind: 'cut', atByte: 0 } };
    await assert.rejects(
      under(rule, () => layerOf(source, 1)),
      { code: 'connection-lost' },
    );
  });

  test('is refused when it is shorter or longer than its descriptor says', async () => {
    const source = await resolve();
    const digest = image.layerDescriptors[1]?.digest;
    const size = image.layers[1]?.length;
    await assert.rejects(
      under({ path: /blobs/, fault: { kind: 'truncate', atByte: 10 } }, () => layerOf(source, 1)),
      {
        code: 'size-mismatch',
        message: `Cannot fetch blob ${digest} of "${registry.host}/app": it should have ${size} bytes and has 10`,
      },
    );
    await assert.rejects(
      under({ path: /blobs/, fault: { kind: 'lengthen' } }, () => layerOf(source, 1)),
      { code: 'size-mismatch' },
    );
  });

  test('that may not be pushed is fetched from where its descriptor says', async () => {
    const bytes = Buffer.from('a layer that is elsewhere');
    const elsewhere = `http://${registry.host}/v2/elsewhere/blobs/${registry.addBlob('elsewhere', bytes)}`;
    const foreign = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: digestOf(bytes),
      size: bytes.length,
      urls: ['ftp://nobody.invalid/layer', elsewhere],
    };
    const { blobs } = await resolve();
    assert.deepEqual(await collect((await blobs.open(foreign, {})).bytes), bytes);
    assert.deepEqual(await collect((await blobs.open(foreign, { offset: 8 })).bytes), bytes.subarray(8));
    await assert.rejects(blobs.open({ ...foreign, urls: ['ftp://nobody.invalid/layer'] }, {}), {
      code: 'blob-unknown',
      message: /it has no usable URL$/,
    });
    await assert.rejects(blobs.open({ ...foreign, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }, {}), {
      code: 'blob-unknown',
    });
  });

  test('that stops or trickles is given up', async () => {
    const hasty = new RegistryClient({ environment, limits: { ...limits, stallTimeoutMs: 100, attempts: 2 } });
    await using _ = hasty;
    const source = await resolveImage(`${registry.host}/app:1`, { client: hasty, platform });
    for (const fault of [
      { kind: 'stall', atByte: 100 },
      { kind: 'trickle', pauseMs: 30 },
    ] as const) {
      await assert.rejects(
        under({ path: /blobs/, fault }, () => layerOf(source, 1)),
        { code: 'timeout' },
      );
    }
    assert.deepEqual(
      await under({ path: /blobs/, times: 1, fault: { kind: 'stall', atByte: 100 } }, () => layerOf(source, 1)),
      image.layers[1],
    );
  });

  test('waits for its turn, and a reader that leaves makes room', async () => {
    const narrow = new RegistryClient({ environment, limits: { ...limits, parallelBlobs: 1 } });
    await using _ = narrow;
    const source = await resolveImage(`${registry.host}/app:1`, { client: narrow, platform });
    const descriptor = image.layerDescriptors[1];
    assert.ok(descriptor);
    for (let round = 0; round < 3; round += 1) {
      for await (const chunk of (await source.blobs.open(descriptor, {})).bytes) {
        assert.ok(chunk.length > 0);
        break;
      }
    }
    const unread = await source.blobs.open(descriptor, {});
    await unread.bytes[Symbol.asyncIterator]().return?.();
    const both = await Promise.all([layerOf(source, 0), layerOf(source, 1)]);
    assert.deepEqual(both, image.layers);
  });
});

test('layers come over as many connections as are allowed to each registry, and never more', async () => {
  await using other = await FakeRegistry.start();
  await using narrow = new RegistryClient({ environment, limits: { ...limits, parallelBlobs: 3 } });
  const many = testImage({ layerSizes: Array.from({ length: 10 }, () => 50_000) });
  let open = (): void => {};
  const until = new Promise<void>((settle) => {
    open = settle;
  });
  const reads = [registry, other].map(async (from) => {
    plant(from, { repository: 'many', tag: '1' }, many);
    const { blobs } = await resolveImage(`${from.host}/many:1`, { client: narrow, platform });
    from.mostAtOnce = 0;
    from.fail({ path: /blobs/, times: 3, fault: { kind: 'hold', until } });
    return Promise.all(many.layerDescriptors.map(async (layer) => collect((await blobs.open(layer, {})).bytes)));
  });
  // Nobody is answered before both registries have as many requests as they will get.
  while (registry.mostAtOnce + other.mostAtOnce < 6) await delay(5);
  await delay(50);
  open();
  for (const read of reads) assert.deepEqual(await read, many.layers);
  assert.deepEqual([registry.mostAtOnce, other.mostAtOnce], [3, 3]);
  registry.heal();
});

test('a manifest of more layers than can be mounted is refused when it is read', async () => {
  const layer = describeBytes(Buffer.from('x'), mediaType.layerGzip);
  const config = describeBytes(image.config, mediaType.config);
  for (const [count, code] of [
    [500, 'blob-unknown'],
    [501, 'content-invalid'],
    [20_000, 'content-invalid'],
  ] as const) {
    const layers = Array.from({ length: count }, () => layer);
    const bytes = json({ schemaVersion: 2, mediaType: mediaType.manifest, config, layers });
    registry.addManifest('many', '1', { bytes, type: mediaType.manifest });
    registry.requests.length = 0;
    await assert.rejects(resolveImage(`${registry.host}/many:1`, { client, platform }), { code });
    // Of 501 not even the configuration is asked for.
    assert.equal(registry.log().length, count > 500 ? 1 : 2);
  }
});

test('a manifest that is another kind than its registry says is refused, except by its digest', async () => {
  const { bytes } = image.manifest;
  plant(registry, { repository: 'liar', tag: 'true' }, image);
  registry.addManifest('liar', '1', { bytes, type: mediaType.dockerManifest });
  await assert.rejects(resolveImage(`${registry.host}/liar:1`, { client, platform }), {
    code: 'content-invalid',
    message: `Cannot fetch image "${registry.host}/liar:1": the registry calls it ${mediaType.dockerManifest}, and it calls itself ${mediaType.manifest}`,
  });
  const byDigest = await resolveImage(`${registry.host}/liar@${image.descriptor.digest}`, { client, platform });
  assert.deepEqual(byDigest.descriptor, image.descriptor);
});

describe('resolveDigest()', () => {
  for (const status of [405, 501]) {
    test(`fetches where HEAD is answered with ${status}`, async () => {
      registry.requests.length = 0;
      const { descriptor } = await under({ method: 'HEAD', path: /manifests/, fault: { kind: 'reply', status } }, () =>
        resolveDigest(`${registry.host}/app:1`, { client }),
      );
      assert.deepEqual(descriptor, image.descriptor);
      assert.deepEqual(registry.log(), ['HEAD /v2/app/manifests/1', 'GET /v2/app/manifests/1']);
    });
  }

  test('asks without fetching', async () => {
    registry.requests.length = 0;
    const { descriptor } = await resolveDigest(`${registry.host}/app:1`, { client });
    assert.deepEqual(descriptor, image.descriptor);
    assert.deepEqual(registry.log(), ['HEAD /v2/app/manifests/1']);
  });
});

test('nothing was worth a notice', () => assert.deepEqual(noticed, []));
