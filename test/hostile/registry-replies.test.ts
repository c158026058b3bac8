import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { RegistryClient, type RegistryClientOptions } from '../../registry/distribution/client.ts';
import { download } from '../../registry/download.ts';
import type { HttpRequest } from '../../registry/http/exchange.ts';
import { redirecting } from '../../registry/http/redirect.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { pushImage } from '../../registry/push.ts';
import { resolveImage } from '../../registry/resolve-image.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import { type FakeReply, fakeReply } from '../support/fake-reply.ts';
import { ForwardProxy } from '../support/forward-proxy.ts';
import { closeAll, hostOf, listen } from '../support/loopback.ts';
import { collect, describe as describeBytes, json, plant, testImage } from '../support/registry-image.ts';
import { requires } from '../support/requires.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { selfSigned, TlsFront } from '../support/tls-front.ts';

const folder = temporaryFolder('hostile-registry');
const platform = { os: 'linux', architecture: 'amd64' };
const image = testImage();
const far = 'registry.invalid:5000';

/** A service of this machine that nobody but its user should reach. */
const asked: string[] = [];
const service = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  response.end('{"token":"from-here"}');
});
await listen(service);
const port = hostOf(service).split(':')[1] ?? '';
after(async () => {
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
  folder[Symbol.dispose]();
});

interface FarAway extends AsyncDisposable {
  readonly registry: FakeRegistry;
  readonly client: RegistryClient;
  readonly proxy: ForwardProxy;
}

/** A registry under a name that only a proxy knows, so that it is elsewhere as far as anybody can tell. With `tls` it is on https. */
async function farAway({ tls }: { tls?: { cert: Buffer; key: Buffer } } = {}): Promise<FarAway> {
  const registry = await FakeRegistry.start();
  plant(registry, { repository: 'app', tag: '1' }, image);
  const front = tls && (await TlsFront.start(registry.port, tls));
  const proxy = await ForwardProxy.start({ targetPort: front?.port ?? registry.port });
  const conf = folder.at('registries.conf');
  await writeFile(conf, `[[registry]]\nlocation = "${far}"\ninsecure = true\n`);
  const authFile = folder.at('auth.json');
  await writeFile(authFile, JSON.stringify({ auths: { [far]: { username: 'ada', password: 'word' } } }));
  const environment = {
    CONTAINERS_REGISTRIES_CONF: conf,
    HOME: '/nonexistent',
    http_proxy: `http://${proxy.host}`,
    https_proxy: `http://${proxy.host}`,
  };
  const client = new RegistryClient({ environment, authFile, limits: { backoffMs: 1, attempts: 2, connectTimeoutMs: 2000 } });
  return {
    registry,
    client,
    proxy,
    [Symbol.asyncDispose]: async () => {
      for (const part of [client, proxy, front, registry]) await part?.[Symbol.asyncDispose]();
    },
  };
}

const spellingsOfHere = [
  `127.0.0.1:${port}`,
  `127.1:${port}`,
  `0x7f.0.0.1:${port}`,
  `2130706433:${port}`,
  `localhost:${port}`,
  `LOCALHOST:${port}`,
  `x.localhost:${port}`,
  `0.0.0.0:${port}`,
  `[::1]:${port}`,
  `[::ffff:127.0.0.1]:${port}`,
  `[::127.0.0.1]:${port}`,
  `[::ffff:0:127.0.0.1]:${port}`,
  `[64:ff9b::127.0.0.1]:${port}`,
  `[64:ff9b:1:2::7f00:1]:${port}`,
  `[2002:7f00:1::]:${port}`,
  `%EF%BC%9127.0.0.1:${port}`,
  `localhost%E3%80%82:${port}`,
];

/** Pushes a new layer to a registry that wants it sent to `location`. */
async function pushTo(location: string, at: FarAway): Promise<void> {
  at.registry.fail({ method: 'POST', path: /uploads/, fault: { kind: 'reply', status: 202, headers: { location } } });
  const blob = Buffer.from('new');
  const descriptor = describeBytes(blob, mediaType.layerGzip);
  const config = describeBytes(image.config, mediaType.config);
  const manifestBytes = json({ schemaVersion: 2, mediaType: mediaType.manifest, config, layers: [descriptor] });
  async function* open(): AsyncGenerator<Uint8Array> {
    yield blob;
  }
  const layers = [{ descriptor, open }];
  const parts = { manifestBytes, mediaType: mediaType.manifest, configBytes: image.config, layers };
  await pushImage(`${far}/app:2`, parts, { client: at.client });
}

/** Opens a layer that the registry has not, and says to be at `urls`. */
async function openForeign(urls: readonly string[], at: FarAway): Promise<void> {
  const { blobs } = await resolveImage(`${far}/app:1`, { client: at.client, platform });
  const foreign = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
  const stream = await blobs.open({ ...describeBytes(Buffer.from('x'), foreign), urls }, {});
  await collect(stream.bytes);
}

describe('a registry on https cannot lead to plain http elsewhere', requires('tool:openssl'), () => {
  const refused = { code: 'redirect', message: /(?:plain|only on plain) http:\/\/plain\.invalid\/x$/ };
  const plainly = ({ proxy }: FarAway): readonly string[] => proxy.asked.filter((line) => line.includes('plain'));
  let tls: { cert: Buffer; key: Buffer } | undefined;
  const farOnTls = (): Promise<FarAway> => farAway({ tls: (tls ??= selfSigned(folder.path)) });

  test('what is pushed', async () => {
    await using at = await farOnTls();
    await assert.rejects(pushTo('http://plain.invalid/x', at), refused);
    assert.deepEqual(plainly(at), []);
    at.registry.heal();
  });

  test('what is pushed to itself', async () => {
    await using at = await farOnTls();
    // Registries behind a proxy that ends TLS do not know that they are on https, so this is mended.
    await assert.rejects(pushTo(`http://${far}/v2/app/blobs/uploads/none`, at), { code: 'rejected' });
    assert.deepEqual(
      at.proxy.asked.filter((line) => !line.startsWith('CONNECT ')),
      [],
    );
    assert.ok(at.registry.requests.some(({ method, path }) => method === 'PUT' && path.includes('uploads/none')));
  });

  test('what is pushed, by a redirect of the upload', async () => {
    await using at = await farOnTls();
    const headers = { location: 'http://plain.invalid/x' };
    at.registry.fail({ method: 'PUT', path: /uploads/, fault: { kind: 'reply', status: 307, headers } });
    await assert.rejects(pushTo('/v2/app/blobs/uploads/1', at), refused);
    assert.deepEqual(plainly(at), []);
  });

  test('what is pulled from elsewhere', async () => {
    await using at = await farOnTls();
    await assert.rejects(openForeign(['http://plain.invalid/x'], at), refused);
    assert.deepEqual(plainly(at), []);
    // Another address of the layer may be a better one.
    await assert.rejects(openForeign(['http://plain.invalid/x', 'https://secure.invalid/y'], at), { code: 'certificate' });
    assert.ok(at.proxy.asked.includes('CONNECT secure.invalid:443'));
    assert.deepEqual(plainly(at), []);
  });
});

describe('a registry that is elsewhere cannot send requests to this machine', () => {
  const refused = { code: 'redirect', message: /which is this machine or its own link$/ };
  for (const host of [
    ...spellingsOfHere,
    '169.254.169.254',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '0xA9FEA9FE',
    '[::169.254.169.254]',
    '[::ffff:169.254.169.254]',
    '[::ffff:0:169.254.169.254]',
    '[64:ff9b::169.254.169.254]',
    '[2002:a9fe:a9fe::1]',
  ]) {
    test(`by a redirect to ${host}`, async () => {
      await using at = await farAway();
      at.registry.fail({ path: /manifests/, fault: { kind: 'reply', status: 307, headers: { location: `http://${host}/x` } } });
      await assert.rejects(resolveImage(`${far}/app:1`, { client: at.client, platform }), refused);
      assert.deepEqual(asked, []);
    });
  }

  test('by the name of its token service', async () => {
    await using at = await farAway();
    const headers = { 'www-authenticate': `Bearer realm="http://127.0.0.1:${port}/token"` };
    at.registry.fail({ path: /^\/v2\/$/, fault: { kind: 'reply', status: 401, headers } });
    await assert.rejects(resolveImage(`${far}/app:1`, { client: at.client, platform }), refused);
    assert.deepEqual(asked, []);
  });

  test('by where it wants an upload', async () => {
    await using at = await farAway();
    await assert.rejects(pushTo(`http://127.0.0.1:${port}/upload`, at), refused);
    assert.deepEqual(asked, []);
  });

  test('by where it says that a layer is', async () => {
    await using at = await farAway();
    await assert.rejects(openForeign([`http://127.0.0.1:${port}/layer`], at), refused);
    assert.deepEqual(asked, []);
  });

  test('nor can a server of a file', async () => {
    await using at = await farAway();
    at.registry.fail({ path: /file/, fault: { kind: 'reply', status: 302, headers: { location: `http://127.1:${port}/` } } });
    await assert.rejects(download(`http://${far}/file`, { client: at.client }), refused);
    assert.deepEqual(asked, []);
  });
});

describe('a redirect', () => {
  const first = new URL('https://r.example/v2/app/blobs/x');
  const request: HttpRequest = { method: 'GET', url: first, purpose: 'fetch it' };

  /** What is sent when the first reply redirects. */
  async function sentAfter(reply: FakeReply, more: Partial<HttpRequest> = {}): Promise<readonly HttpRequest[]> {
    const sent: HttpRequest[] = [];
    const exchange = redirecting(async (next) => {
      sent.push(next);
      return fakeReply(next, sent.length === 1 ? reply : {});
    });
    await exchange({ ...request, ...more });
    return sent;
  }
  const to = (location: string): FakeReply => ({ status: 307, headers: { location } });

  for (const location of ['http://r.example/x', 'http://other.example/x', 'HTTP://other.example:443/x']) {
    test(`from https to ${location} is refused`, () =>
      assert.rejects(sentAfter(to(location)), { code: 'redirect', message: /it redirects from https to plain http:/ }));
  }

  test('from https to plain http is refused on a detour over this machine', async () => {
    const places = ['http://localhost:1/', 'http://other.example/x'];
    const exchange = redirecting(async (next) => fakeReply(next, to(places.shift() ?? '')));
    await assert.rejects(exchange({ ...request, url: new URL('https://localhost:2/') }), { code: 'redirect' });
    assert.deepEqual(places, []);
  });

  test('to another origin carries nothing private, and to the same one everything', async () => {
    const secrets = {
      'x-api-key': '1',
      'X-Auth': '2',
      'private-token': '3',
      authorization: '4',
      cookie: '5',
      'Proxy-Authorization': '6',
    };
    const headers = { accept: 'x', range: 'bytes=1-', ...secrets };
    for (const location of ['https://other.example/x', 'https://r.example:444/x']) {
      const [, second] = await sentAfter(to(location), { headers });
      assert.deepEqual(second?.headers, { accept: 'x', range: 'bytes=1-' });
      assert.deepEqual(second?.namedBy, first);
    }
    const [, same] = await sentAfter(to('/y'), { headers });
    assert.deepEqual(same?.headers, headers);
  });

  test('to another origin is refused for a body that is a secret', async () => {
    const more = { method: 'POST', body: Buffer.from('refresh_token=1'), hasSecretBody: true } as const;
    await assert.rejects(sentAfter(to('https://other.example/x'), more), { code: 'redirect' });
    assert.equal((await sentAfter(to('/y'), more)).length, 2);
  });
});

test('a token service cannot pass a refresh token on to another host', async () => {
  const secret = 'IDTOKEN-SECRET';
  const auth = { scheme: 'bearer', username: 'ada', password: 'word', identityToken: secret } as const;
  await using registry = await FakeRegistry.start({ auth });
  plant(registry, { repository: 'app', tag: '1' }, image);
  const bodies: string[] = [];
  const thief = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => bodies.push(text));
    request.on('end', () => response.end('{"token":"t"}'));
  });
  await listen(thief);
  const location = `http://${hostOf(thief)}/token`;
  registry.fail({ method: 'POST', path: /^\/token/, fault: { kind: 'reply', status: 307, headers: { location } } });
  const authFile = folder.at('identity.json');
  await writeFile(authFile, JSON.stringify({ auths: { [registry.host]: { identitytoken: secret } } }));
  const options: RegistryClientOptions = { environment: { HOME: '/nonexistent' }, authFile };
  await using client = new RegistryClient(options);
  await assert.rejects(resolveImage(`${registry.host}/app:1`, { client, platform }), { code: 'redirect' });
  assert.deepEqual(bodies, []);
  registry.heal();
  await resolveImage(`${registry.host}/app:1`, { client, platform });
  thief.closeAllConnections();
  await new Promise((resolve) => thief.close(resolve));
});

describe('what arrives too slowly ends', () => {
  const limits = { backoffMs: 1, attempts: 2, stallTimeoutMs: 200 };
  for (const [what, path] of [
    ['a manifest', /manifests/],
    ['a layer', /blobs/],
  ] as const) {
    test(what, async () => {
      await using registry = await FakeRegistry.start();
      plant(registry, { repository: 'app', tag: '1' }, image);
      await using client = new RegistryClient({ environment: { HOME: '/nonexistent' }, limits });
      registry.fail({ path, fault: { kind: 'trickle', pauseMs: 20 } });
      const fetch = async (): Promise<unknown> => {
        const { blobs } = await resolveImage(`${registry.host}/app:1`, { client, platform });
        const [, layer] = image.layerDescriptors;
        assert.ok(layer);
        return collect((await blobs.open(layer, {})).bytes);
      };
      await assert.rejects(fetch(), { code: 'timeout', message: /sends less than 1 KiB a second$/ });
    });
  }

  test('a file', async () => {
    await using registry = await FakeRegistry.start();
    const digest = registry.addBlob('app', Buffer.alloc(5000));
    await using client = new RegistryClient({ environment: { HOME: '/nonexistent' }, limits });
    registry.fail({ path: /blobs/, fault: { kind: 'trickle', pauseMs: 20 } });
    const fetch = async (): Promise<unknown> => {
      const reply = await download(`http://${registry.host}/v2/app/blobs/${digest}`, { client });
      assert.ok(reply.kind === 'content');
      return collect(reply.bytes);
    };
    await assert.rejects(fetch(), { code: 'timeout', message: /sends less than 1 KiB a second$/ });
  });

  test('but not because its reader is slow', async () => {
    await using registry = await FakeRegistry.start();
    const digest = registry.addBlob('app', Buffer.alloc(300_000));
    await using client = new RegistryClient({ environment: { HOME: '/nonexistent' }, limits: { ...limits, stallTimeoutMs: 60 } });
    const reply = await download(`http://${registry.host}/v2/app/blobs/${digest}`, { client });
    assert.ok(reply.kind === 'content');
    let bytes = 0;
    for await (const chunk of reply.bytes) {
      bytes += chunk.length;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(bytes, 300_000);
  });
});

test('a registry that accepts connections and says nothing does not keep a build from ending', async () => {
  const sockets = new Set<Socket>();
  const mute = createTcpServer((socket) => sockets.add(socket));
  await listen(mute);
  const host = hostOf(mute);
  const signal = AbortSignal.timeout(300);
  const startMs = performance.now();
  {
    await using client = new RegistryClient({ environment: { HOME: '/nonexistent' }, signal });
    await assert.rejects(resolveImage(`${host}/app:1`, { client, platform }), { name: 'TimeoutError' });
  }
  // Long before a connection is given up by itself.
  assert.ok(performance.now() - startMs < 8000);
  await closeAll(mute, sockets);
});
