import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { LookupFunction } from 'node:net';
import { after, describe, test } from 'node:test';
import { RegistryClient, type RegistryClientOptions } from '../../registry/client.ts';
import { download } from '../../registry/download.ts';
import type { HttpRequest } from '../../registry/http/exchange.ts';
import { guardedLookup, isLocalHost, LocalAddressError, lookupName } from '../../registry/http/local-address.ts';
import { redirecting } from '../../registry/http/redirect.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { pushImage } from '../../registry/push.ts';
import { resolveImage } from '../../registry/resolve.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import { type FakeReply, fakeReply } from '../support/fake-reply.ts';
import { ForwardProxy } from '../support/forward-proxy.ts';
import { hostOf, listen } from '../support/loopback.ts';
import { collect, describe as describeBytes, json, plant, testImage } from '../support/registry-image.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

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

/** A registry under a name that only a proxy knows, so that it is elsewhere as far as anybody can tell. */
async function farAway(
  options: Parameters<typeof FakeRegistry.start>[0] = {},
): Promise<AsyncDisposable & { readonly registry: FakeRegistry; readonly client: RegistryClient }> {
  const registry = await FakeRegistry.start(options);
  plant(registry, { repository: 'app', tag: '1' }, image);
  const proxy = await ForwardProxy.start({ targetPort: registry.port });
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
    [Symbol.asyncDispose]: async () => {
      for (const part of [client, proxy, registry]) await part[Symbol.asyncDispose]();
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
];

describe('a registry that is elsewhere cannot send requests to this machine', () => {
  const refused = { code: 'redirect', message: /which is this machine or its own link$/ };
  for (const host of [
    ...spellingsOfHere,
    '169.254.169.254',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '100.100.100.200',
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
    const headers = { location: `http://127.0.0.1:${port}/upload` };
    at.registry.fail({ method: 'POST', path: /uploads/, fault: { kind: 'reply', status: 202, headers } });
    const blob = Buffer.from('new');
    const descriptor = describeBytes(blob, mediaType.layerGzip);
    const config = describeBytes(image.config, mediaType.config);
    const manifestBytes = json({ schemaVersion: 2, mediaType: mediaType.manifest, config, layers: [descriptor] });
    async function* open(): AsyncGenerator<Uint8Array> {
      yield blob;
    }
    const layers = [{ descriptor, open }];
    const parts = { manifestBytes, mediaType: mediaType.manifest, configBytes: image.config, layers };
    await assert.rejects(pushImage(`${far}/app:2`, parts, { client: at.client }), refused);
    assert.deepEqual(asked, []);
  });

  test('by where it says that a layer is', async () => {
    await using at = await farAway();
    const { blobs } = await resolveImage(`${far}/app:1`, { client: at.client, platform });
    const foreign = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
    const layer = { ...describeBytes(Buffer.from('x'), foreign), urls: [`http://127.0.0.1:${port}/layer`] };
    await assert.rejects(blobs.open(layer, {}), refused);
    assert.deepEqual(asked, []);
  });

  test('nor can a server of a file', async () => {
    await using at = await farAway();
    at.registry.fail({ path: /file/, fault: { kind: 'reply', status: 302, headers: { location: `http://127.1:${port}/` } } });
    await assert.rejects(download(`http://${far}/file`, { client: at.client }), refused);
    assert.deepEqual(asked, []);
  });
});

test('isLocalHost() knows what is not here', () => {
  const others = [
    'r.example',
    'localhost.example',
    '10.0.0.1',
    '192.168.1.1',
    '[fd00::1]',
    '100.100.100.201',
    '128.0.0.1',
    '::2',
  ];
  assert.deepEqual(others.filter(isLocalHost), []);
});

describe('a name that a server elsewhere says', () => {
  const addresses: Readonly<Record<string, string>> = {
    'evil.example': '127.0.0.1',
    'cloud.example': '169.254.169.254',
    'six.example': '::ffff:127.0.0.1',
    'corp.example': '127.0.0.1',
    'far.example': '192.0.2.1',
  };
  const lookup: LookupFunction = (name, _, done) => {
    const found = addresses[name];
    if (found === undefined) done(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), []);
    else done(null, [{ address: found, family: found.includes(':') ? 6 : 4 }]);
  };
  const find = (name: string, namer: string): Promise<string | LookupAddress[]> =>
    new Promise((resolve, reject) => {
      guardedLookup(namer, lookup)(name, { all: true }, (error, found) => (error === null ? resolve(found) : reject(error)));
    });

  for (const name of ['evil.example', 'cloud.example', 'six.example']) {
    test(`is not connected to when it stands for this machine: ${name}`, () =>
      assert.rejects(find(name, 'far.example'), LocalAddressError));
  }

  test('is, when that server is here too, or the name leads elsewhere', async () => {
    assert.deepEqual(await find('evil.example', 'corp.example'), [{ address: '127.0.0.1', family: 4 }]);
    assert.deepEqual(await find('far.example', 'other.example'), [{ address: '192.0.2.1', family: 4 }]);
    await assert.rejects(find('none.example', 'far.example'), { code: 'ENOTFOUND' });
    await assert.rejects(find('evil.example', 'none.example'), LocalAddressError);
  });

  test('below localhost is this machine, whatever a resolver says', async () => {
    const found = await new Promise((resolve) => lookupName('a.localhost', { all: true }, (_, all) => resolve(all)));
    assert.deepEqual(found, [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
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
