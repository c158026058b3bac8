import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:https';
import { after, describe, mock, test } from 'node:test';
import { RegistryClient, type RegistryLimits } from '../../registry/distribution/client.ts';
import { RegistryError } from '../../registry/errors/registry-error.ts';
import type { Exchange } from '../../registry/http/exchange.ts';
import { retrying } from '../../registry/http/retry.ts';
import { type PushImage, pushImage } from '../../registry/push.ts';
import { resolveImage } from '../../registry/resolve-image.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import { type FakeReply, fakeReply } from '../support/fake-reply.ts';
import type { Fault } from '../support/faulty-call.ts';
import { hostOf, listen } from '../support/loopback.ts';
import { plant, type TestImage, testImage } from '../support/registry-image.ts';
import { requires } from '../support/requires.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { selfSigned } from '../support/tls-front.ts';

const platform = { os: 'linux', architecture: 'amd64' };
const environment = { CONTAINERS_REGISTRIES_CONF: '/nonexistent', HOME: '/nonexistent' };
const limits: RegistryLimits = { backoffMs: 1, attempts: 4 };
const folder = temporaryFolder('quirks');
after(() => folder[Symbol.dispose]());

function parts(image: TestImage): PushImage {
  return {
    manifestBytes: image.manifest.bytes,
    mediaType: image.manifest.type,
    configBytes: image.config,
    layers: image.layerDescriptors.map((descriptor, index) => ({
      descriptor,
      async *open() {
        yield image.layers[index] ?? Buffer.alloc(0);
      },
    })),
  };
}

describe('the greeting', () => {
  const later = { kind: 'reply', status: 429, headers: { 'retry-after': '0' } } as const;
  for (const [what, fault] of [
    ['is cut', { kind: 'reset' }],
    ['is answered with 503', { kind: 'reply', status: 503 }],
    ['is put off', later],
  ] as const satisfies readonly (readonly [string, Fault])[]) {
    test(`is said again when it ${what}, for pulls and pushes`, async () => {
      const image = testImage();
      await using registry = await FakeRegistry.start();
      plant(registry, { repository: 'app', tag: '1' }, image);
      // TLS is tried first, and gets no further than the port.
      registry.fail({ path: /^\/v2\/$/, times: 2, fault });
      await using client = new RegistryClient({ environment, limits });
      await resolveImage(`${registry.host}/app:1`, { client, platform });
      registry.fail({ path: /^\/v2\/$/, times: 2, fault });
      await using second = new RegistryClient({ environment, limits });
      await pushImage(`${registry.host}/other:1`, parts(image), { client: second });
    });

    test(`is given up when it always ${what}, after as many tries as other requests get`, async () => {
      await using registry = await FakeRegistry.start();
      registry.fail({ path: /^\/v2\/$/, fault });
      await using client = new RegistryClient({ environment, limits });
      const code = fault.kind === 'reset' ? 'connection-lost' : fault.status === 503 ? 'server-error' : 'too-many-requests';
      await assert.rejects(resolveImage(`${registry.host}/app:1`, { client, platform }), { code });
      assert.deepEqual(
        registry.requests.map(({ path }) => path),
        Array.from({ length: 4 }, () => '/v2/'),
      );
    });
  }

  test('is short at a mirror, which is only the first of two', async () => {
    const image = testImage();
    await using registry = await FakeRegistry.start();
    await using mirror = await FakeRegistry.start();
    plant(registry, { repository: 'app', tag: '1' }, image);
    mirror.fail({ path: /./, fault: { kind: 'reset' } });
    await using client = new RegistryClient({ environment, limits });
    const sites = [mirror, registry].map(({ host }) => ({
      registry: host,
      repository: 'app',
      isInsecure: false,
      isMirror: false,
    }));
    await client.atFirst(sites, 'ask', async (repository) => repository.title);
    assert.equal(mirror.requests.length, 2);
  });
});

describe('a registry that does not know HEAD', () => {
  for (const status of [405, 501]) {
    test(`and answers ${status} is pushed to, and sent nothing that it has`, async () => {
      const image = testImage();
      await using registry = await FakeRegistry.start();
      registry.fail({ method: 'HEAD', path: /./, fault: { kind: 'reply', status } });
      await using client = new RegistryClient({ environment, limits });
      await pushImage(`${registry.host}/app:1`, parts(image), { client });
      assert.deepEqual(registry.manifests.get('app/1')?.bytes, Buffer.from(image.manifest.bytes));
      registry.requests.length = 0;
      await pushImage(`${registry.host}/app:2`, parts(image), { client });
      assert.deepEqual(new Set(registry.requests.map(({ method }) => method)), new Set(['HEAD', 'GET', 'PUT']));
    });
  }
});

describe('a registry that does not take OCI manifests', () => {
  const detail = 'mediaType in manifest should be application/vnd.docker.distribution.manifest.v2+json';
  const error = (fields: object): string => JSON.stringify({ errors: [fields] });
  for (const [status, body, said] of [
    [
      400,
      error({ code: 'MANIFEST_INVALID', message: 'manifest invalid', detail }),
      `, MANIFEST_INVALID: manifest invalid: ${detail}`,
    ],
    [400, error({ code: 'MANIFEST_INVALID', message: 'manifest invalid', detail: {} }), ', MANIFEST_INVALID: manifest invalid'],
    [415, 'Unsupported Media Type', ''],
    [405, error({ code: 'UNSUPPORTED', detail: 'no OCI' }), ', UNSUPPORTED: no OCI'],
  ] as const) {
    test(`and says ${status} ${body} is quoted, and the other format named`, async () => {
      await using registry = await FakeRegistry.start();
      registry.fail({ method: 'PUT', path: /manifests/, fault: { kind: 'reply', status, body } });
      await using client = new RegistryClient({ environment, limits });
      const refusal = async (image: TestImage): Promise<RegistryError> => {
        const thrown = await pushImage(`${registry.host}/app:1`, parts(image), { client }).catch((caught: unknown) => caught);
        assert.ok(thrown instanceof RegistryError);
        return thrown;
      };
      const { message, hint } = await refusal(testImage());
      assert.ok(message.endsWith(` (it answered ${status}${said})`), message);
      assert.match(hint ?? '', /--format docker/);
      assert.doesNotMatch((await refusal(testImage({ isDocker: true }))).hint ?? '', /--format docker/);
    });
  }

  test('is no guess for other refusals', async () => {
    await using registry = await FakeRegistry.start();
    const body = error({ code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown' });
    registry.fail({ method: 'PUT', path: /manifests/, fault: { kind: 'reply', status: 400, body } });
    await using client = new RegistryClient({ environment, limits });
    await assert.rejects(pushImage(`${registry.host}/app:1`, parts(testImage()), { client }), { hint: undefined });
  });
});

describe('a long pause', () => {
  /** The notices of a request that goes well after one bad reply. */
  async function noticesAfter(reply: FakeReply): Promise<readonly string[]> {
    mock.timers.enable({ apis: ['setTimeout'] });
    mock.method(Math, 'random', () => 0.5);
    try {
      const notices: string[] = [];
      let sent = 0;
      const exchange: Exchange = async (request) => fakeReply(request, (sent += 1) === 1 ? reply : {});
      const options = { attempts: 2, backoffMs: 6000, longestPauseMs: 60_000, onNotice: (text: string) => notices.push(text) };
      const url = new URL('https://r.example/v2/');
      const done = retrying(exchange, options)({ method: 'GET', url, purpose: 'ask' });
      for (let turn = 0; turn < 20; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        mock.timers.tick(60_000);
      }
      assert.equal((await done).status, 200);
      return notices;
    } finally {
      mock.timers.reset();
      mock.restoreAll();
    }
  }

  test('that the registry asks for is said to be its own', async () => {
    assert.deepEqual(await noticesAfter({ status: 503, headers: { 'retry-after': '7' } }), ['r.example asks to wait 7 s']);
  });

  test('that is ours is not', async () => {
    const expected = ['r.example does not answer as it should; it is asked again in 6 s'];
    assert.deepEqual(await noticesAfter({ status: 503 }), expected);
  });
});

test(
  'an upload stays on https when the registry, behind a proxy, thinks that it is on http',
  requires('tool:openssl'),
  async () => {
    const image = testImage();
    await using registry = await FakeRegistry.start();
    const plain: string[] = [];
    // It ends TLS, and says of every place that it is on http, as registries do that see nothing else.
    const front = createServer(selfSigned(folder.path), (from, to) => {
      const { method, headers, url: path } = from;
      const forwarded = httpRequest({ host: '127.0.0.1', port: registry.port, method, path, headers }, (reply) => {
        const { location } = reply.headers;
        const named = location === undefined ? {} : { location: `http://${hostOf(front)}${location}` };
        to.writeHead(reply.statusCode ?? 500, { ...reply.headers, ...named });
        reply.pipe(to);
      });
      from.pipe(forwarded);
    });
    front.on('tlsClientError', (error) => plain.push(error.message));
    await listen(front);
    await using client = new RegistryClient({ environment, limits, certDirectory: folder.path });
    await pushImage(`${hostOf(front)}/app:1`, parts(image), { client });
    assert.deepEqual(registry.manifests.get('app/1')?.bytes, Buffer.from(image.manifest.bytes));
    assert.deepEqual(plain, []);
    front.closeAllConnections();
    await new Promise((resolve) => front.close(resolve));
  },
);
