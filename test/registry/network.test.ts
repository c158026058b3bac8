import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { after, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { isExempt, proxyFor } from '../../registry/config/proxy.ts';
import { RegistryClient, type RegistryClientOptions } from '../../registry/distribution/client.ts';
import { download } from '../../registry/download.ts';
import { cleanText, redactText, redactUrl } from '../../registry/errors/redact.ts';
import { RegistryError } from '../../registry/errors/registry-error.ts';
import { Semaphore } from '../../registry/http/semaphore.ts';
import { digestOf } from '../../registry/oci/digest.ts';
import { resolveImage } from '../../registry/resolve-image.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import type { Fault } from '../support/faulty-call.ts';
import { ForwardProxy } from '../support/forward-proxy.ts';
import { hostOf, listen } from '../support/loopback.ts';
import { collect, plant, testImage } from '../support/registry-image.ts';
import { SocksProxy } from '../support/socks-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder('network');
const platform = { os: 'linux', architecture: 'amd64' };
const image = testImage();
const registry = await FakeRegistry.start();
plant(registry, { repository: 'app', tag: '1' }, image);
after(async () => {
  await registry[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

let count = 0;

/** A client with the given registries.conf and environment. */
async function newClient(conf = '', options: Partial<RegistryClientOptions> = {}): Promise<RegistryClient> {
  count += 1;
  const file = folder.at(`${count}.conf`);
  await writeFile(file, conf);
  const environment = { CONTAINERS_REGISTRIES_CONF: file, HOME: '/nonexistent', ...options.environment };
  return new RegistryClient({ limits: { backoffMs: 1, attempts: 2, connectTimeoutMs: 3000 }, ...options, environment });
}

describe('mirrors', () => {
  test('are asked first, and passed over with a notice when they fail', async () => {
    await using mirror = await FakeRegistry.start();
    plant(mirror, { repository: 'copy/app', tag: '1' }, image);
    const notices: string[] = [];
    const conf = `[[registry]]\nlocation = "${registry.host}"\n[[registry.mirror]]\nlocation = "${mirror.host}/copy"\n`;
    await using client = await newClient(conf, { onNotice: (text) => notices.push(text) });
    registry.requests.length = 0;
    const source = await resolveImage(`${registry.host}/app:1`, { client, platform });
    assert.equal(source.reference, `${registry.host}/app:1@${image.descriptor.digest}`);
    assert.deepEqual(registry.log(), []);
    mirror.fail({ path: /manifests/, fault: { kind: 'reply', status: 404 } });
    await resolveImage(`${registry.host}/app:1`, { client, platform });
    assert.equal(notices.length, 1);
    assert.match(notices[0] ?? '', new RegExp(`^Mirror ${mirror.host} is passed over: Cannot fetch image`));
  });

  for (const [what, fault] of [
    ['is cut', { kind: 'cut', atByte: 20_000 }],
    ['stops', { kind: 'stall', atByte: 20_000 }],
  ] as const) {
    test(`that ${what} in the middle of a blob is left for the next, which goes on at the byte reached`, async () => {
      await using first = await FakeRegistry.start();
      await using second = await FakeRegistry.start();
      for (const mirror of [first, second]) plant(mirror, { repository: 'app', tag: '1' }, image);
      const mirrors = [first, second].map(({ host }) => `[[registry.mirror]]\nlocation = "${host}"\n`).join('');
      const notices: string[] = [];
      await using client = await newClient(`[[registry]]\nlocation = "${registry.host}"\n${mirrors}`, {
        onNotice: (text) => notices.push(text),
        limits: { backoffMs: 1, attempts: 5, stallTimeoutMs: 100 },
      });
      const { blobs } = await resolveImage(`${registry.host}/app:1`, { client, platform });
      const [, layer] = image.layerDescriptors;
      assert.ok(layer);
      registry.requests.length = 0;
      // Each mirror serves one connection for a while, and none after that.
      first.fail({ path: /blobs/, times: 1, fault });
      first.fail({ path: /blobs/, fault: { kind: 'reset' } });
      second.fail({ path: /blobs/, times: 1, fault: { kind: 'cut', atByte: 10_000 } });
      second.fail({ path: /blobs/, fault: { kind: 'reply', status: 500 } });
      const bytes = await collect((await blobs.open(layer, {})).bytes);
      assert.equal(digestOf(bytes), layer.digest);
      const ranges = [second, registry].map(
        ({ requests }) => requests.find(({ path }) => path.endsWith(layer.digest))?.headers.range,
      );
      assert.deepEqual(ranges, ['bytes=20000-', 'bytes=30000-']);
      assert.deepEqual(
        notices.map((text) => text.split(':').slice(0, 2).join(':')),
        [first, second].map(({ host }) => `Mirror ${host} is passed over`),
      );
    });
  }

  test('do not help a blocked registry', async () => {
    await using client = await newClient(`[[registry]]\nlocation = "${registry.host}"\nblocked = true\n`);
    await assert.rejects(resolveImage(`${registry.host}/app:1`, { client, platform }), { code: 'blocked' });
  });
});

test('a short name is looked for in the registries of the search list', async () => {
  await using empty = await FakeRegistry.start();
  await using client = await newClient(`unqualified-search-registries = ["${empty.host}", "${registry.host}"]\n`);
  const source = await resolveImage('app:1', { client, platform });
  assert.equal(source.reference, `${registry.host}/app:1@${image.descriptor.digest}`);
  await assert.rejects(resolveImage('none', { client, platform }), {
    code: 'manifest-unknown',
    message: `Cannot fetch "none": none of ${empty.host}/none:latest, ${registry.host}/none:latest exists`,
  });
});

describe('redirects', () => {
  test('carry no credentials to another origin', async () => {
    const seen: (string | undefined)[] = [];
    const store = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end(image.layers[0]);
    });
    await listen(store);
    await using at = await FakeRegistry.start({ auth: { scheme: 'basic', username: 'ada', password: 'word' } });
    plant(at, { repository: 'app', tag: '1' }, image);
    const authFile = folder.at('redirect.json');
    await writeFile(authFile, JSON.stringify({ auths: { [at.host]: { username: 'ada', password: 'word' } } }));
    await using client = await newClient('', { authFile });
    const source = await resolveImage(`${at.host}/app:1`, { client, platform });
    const location = `http://${hostOf(store)}/blob?X-Signature=secret`;
    at.fail({ path: /blobs/, fault: { kind: 'reply', status: 307, headers: { location } } });
    const [layer] = source.manifest.layers;
    assert.ok(layer);
    assert.deepEqual(await collect((await source.blobs.open(layer, {})).bytes), image.layers[0]);
    assert.deepEqual(seen, [undefined]);
    store.closeAllConnections();
    await new Promise((resolve) => store.close(resolve));
    await assert.rejects(source.blobs.open(layer, {}), (error) => {
      assert.ok(error instanceof Error);
      assert.doesNotMatch(JSON.stringify(error) + error.message, /secret|Signature/);
      return true;
    });
  });
});

describe('proxyFor()', () => {
  for (const [url, environment, expected] of [
    ['https://r.example/', { https_proxy: 'http://p.example:3128' }, 'http://p.example:3128/'],
    ['https://r.example/', { HTTPS_PROXY: 'p.example:3128' }, 'http://p.example:3128/'],
    ['https://r.example/', { HTTPS_PROXY: 'http://p.example', https_proxy: '' }, undefined],
    ['https://r.example/', { http_proxy: 'http://p.example' }, undefined],
    ['http://r.example/', { ALL_PROXY: 'socks5://p.example:1080' }, 'socks5://p.example:1080'],
    ['https://r.example/', { https_proxy: 'http://p.example', no_proxy: 'example' }, undefined],
    ['http://localhost:5000/', { http_proxy: 'http://p.example' }, undefined],
    ['http://127.0.0.2/', { http_proxy: 'http://p.example' }, undefined],
    ['http://[::1]:5000/', { http_proxy: 'http://p.example' }, undefined],
  ] as const) {
    test(`${url} with ${JSON.stringify(environment)}`, () => assert.equal(proxyFor(new URL(url), environment)?.href, expected));
  }

  test('does not show a value that it cannot use', () => {
    assert.throws(() => proxyFor(new URL('https://r.example'), { https_proxy: 'ftp://ada:word@p.example' }), {
      code: 'configuration',
      message: 'Cannot use the proxy in https_proxy: it is not a http, https or socks5 URL',
    });
  });
});

for (const [list, url, expected] of [
  ['*', 'http://a.example', true],
  ['b.example, example', 'http://a.example', true],
  ['ample', 'http://a.example', false],
  ['.example', 'http://example', false],
  ['*.example', 'http://a.example', true],
  ['a.example:443', 'https://a.example', true],
  ['a.example:443', 'http://a.example', false],
  ['10.0.0.0/8', 'http://10.1.2.3', true],
  ['10.0.0.0/8', 'http://11.1.2.3', false],
  ['10.0.0.0/99', 'http://10.1.2.3', false],
  ['fd00::/8', 'http://[fd12::1]', true],
  ['10.1.2.3', 'http://10.1.2.3', true],
  ['', 'http://a.example', false],
] as const) {
  test(`isExempt() with no_proxy "${list}" for ${url} is ${expected}`, () =>
    assert.equal(isExempt(new URL(url), list), expected));
}

describe('a proxy', () => {
  // A name that only the proxy can lead to the registry; loopback itself is never asked for through a proxy.
  const name = 'registry.invalid:5000';
  const conf = `[[registry]]\nlocation = "${name}"\ninsecure = true\n`;

  test('is used with its password, which is nowhere to be seen', async () => {
    await using proxy = await ForwardProxy.start({ targetPort: registry.port, password: 'ada:word' });
    const environment = { http_proxy: `http://ada:word@${proxy.host}`, https_proxy: `http://ada:word@${proxy.host}` };
    await using client = await newClient(conf, { environment });
    const source = await resolveImage(`${name}/app:1`, { client, platform });
    assert.equal(source.descriptor.digest, image.descriptor.digest);
    assert.ok(proxy.asked.includes(`GET http://${name}/v2/app/manifests/1`));
    assert.ok(proxy.asked.includes(`CONNECT ${name}`));
  });

  for (const [what, address, hint] of [
    ['wants a password', undefined, /user:password@host/],
    ['is not there', '127.0.0.1:1', /no_proxy/],
  ] as const) {
    test(`that ${what} is named`, async () => {
      await using proxy = await ForwardProxy.start({ targetPort: registry.port, password: 'ada:word' });
      const environment = { https_proxy: `http://ada:wrong-word@${address ?? proxy.host}` };
      await using client = await newClient('', { environment });
      await assert.rejects(resolveImage('r.invalid/app:1', { client, platform }), (error) => {
        assert.ok(error instanceof Error && 'code' in error && 'hint' in error);
        assert.equal(error.code, 'proxy');
        assert.match(String(error.hint), hint);
        assert.doesNotMatch(error.message, /wrong-word/);
        return true;
      });
    });
  }
});

describe('a SOCKS proxy', () => {
  const name = 'registry.invalid:5000';
  const conf = `[[registry]]\nlocation = "${name}"\ninsecure = true\n`;

  for (const [scheme, variable] of [
    ['socks5', 'ALL_PROXY'],
    ['socks5h', 'https_proxy'],
  ] as const) {
    test(`in ${variable} as ${scheme}: is given the name of the host, and the password`, async () => {
      await using proxy = await SocksProxy.start({ targetPort: registry.port, password: 'ada:wo rd' });
      const address = `${scheme}://ada:wo%20rd@${proxy.host}`;
      await using client = await newClient(conf, { environment: { [variable]: address, http_proxy: address } });
      const source = await resolveImage(`${name}/app:1`, { client, platform });
      assert.equal(source.descriptor.digest, image.descriptor.digest);
      assert.deepEqual(new Set(proxy.asked), new Set([`name ${name}`]));
    });
  }

  for (const [what, options, user, message] of [
    ['wants a password', { password: 'ada:word' }, '', /wants a user and password$/],
    ['wants another password', { password: 'ada:word' }, 'ada:wrong-word@', /wants a user and password$/],
    ['does not reach the host', { reply: 4 }, 'ada:wrong-word@', /cannot be used: .*HostUnreachable$/],
    ['is not there', undefined, 'ada:wrong-word@', /cannot be used: .*ECONNREFUSED/],
  ] as const) {
    test(`that ${what} is named`, async () => {
      await using proxy = await SocksProxy.start({ targetPort: registry.port, ...options });
      const https_proxy = `socks5://${user}${options === undefined ? '127.0.0.1:1' : proxy.host}`;
      await using client = await newClient('', { environment: { https_proxy } });
      await assert.rejects(resolveImage('r.invalid/app:1', { client, platform }), (error) => {
        assert.ok(error instanceof RegistryError);
        assert.equal(error.code, 'proxy');
        assert.match(error.message, message);
        assert.doesNotMatch(inspect(error, { depth: 9 }), /wrong-word/);
        return true;
      });
    });
  }
});

describe('what is wrong with the network', () => {
  test('is named: no such host', async () => {
    await using client = await newClient();
    await assert.rejects(resolveImage('nowhere.invalid/app', { client, platform }), { side: 'network', code: 'dns' });
  });

  test('is named: nobody listens', async () => {
    await using client = await newClient();
    await assert.rejects(resolveImage('127.0.0.1:1/app', { client, platform }), {
      code: 'connection-refused',
      message: 'Cannot fetch image "127.0.0.1:1/app:latest": 127.0.0.1:1 refuses connections',
    });
  });

  test('is named: something that is no HTTP', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.resume().end('SSH-2.0-OpenSSH_9\r\n');
    });
    await listen(server);
    await using client = await newClient();
    await assert.rejects(resolveImage(`${hostOf(server)}/app`, { client, platform }), { code: 'protocol' });
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('download()', () => {
  type Options = Partial<Parameters<typeof download>[1]>;

  /** Downloads under a fault; the content comes as text. */
  async function get(fault: Fault, options: Options = {}): Promise<Record<string, unknown>> {
    await using client = await newClient();
    registry.fail({ path: /files/, fault });
    try {
      const found = await download(`http://${registry.host}/files/a.txt`, { client, ...options });
      return found.kind === 'content' ? { ...found, bytes: (await collect(found.bytes)).toString() } : found;
    } finally {
      registry.heal();
    }
  }

  test('gives content and what is needed to ask again', async () => {
    const headers = { etag: '"x"', 'last-modified': 'Wed, 21 Oct 2015 07:28:00 GMT', 'content-length': '5' };
    assert.deepEqual(await get({ kind: 'reply', status: 200, headers, body: 'hello' }), {
      kind: 'content',
      bytes: 'hello',
      sizeBytes: 5,
      etag: '"x"',
      lastModified: headers['last-modified'],
      lastModifiedSeconds: 1_445_412_480,
    });
  });

  test('takes a password with a percent sign that begins no encoding', async () => {
    await using client = await newClient();
    registry.requests.length = 0;
    const url = `http://ada:50%25@${registry.host}/nothing`;
    for (const text of [url, url.replace('%25', '%')]) {
      await assert.rejects(download(text, { client }), { name: 'RegistryError', status: 404 });
    }
    const sent = registry.requests.map(({ headers }) => headers.authorization);
    const expected = `Basic ${Buffer.from('ada:50%').toString('base64')}`;
    assert.deepEqual(sent, [expected, expected]);
  });

  test('asks with conditions, and says that nothing has changed', async () => {
    registry.requests.length = 0;
    const found = await get(
      { kind: 'reply', status: 304 },
      { known: { etag: '"x"', lastModified: 'yesterday' }, headers: { authorization: 'Bearer t' } },
    );
    assert.deepEqual(found, { kind: 'not-modified' });
    const headers = registry.requests[0]?.headers ?? {};
    assert.deepEqual(
      [headers['if-none-match'], headers['if-modified-since'], headers['authorization']],
      ['"x"', 'yesterday', 'Bearer t'],
    );
  });

  test('keeps to a limit', async () => {
    await assert.rejects(
      get({ kind: 'reply', status: 200, body: 'hello' }, { maximum: { bytes: 4, reason: ', which is enough' } }),
      {
        code: 'too-large',
        message: /it is larger than 4 bytes, which is enough$/,
      },
    );
    await assert.rejects(
      get(
        { kind: 'reply', status: 200, headers: { 'content-length': '5' }, body: 'hello' },
        { maximum: { bytes: 4, reason: ', which is enough' } },
      ),
      { code: 'too-large' },
    );
  });

  test('names what is refused, without query and password', async () => {
    await using client = await newClient();
    await assert.rejects(download(`http://ada:word@${registry.host}/x/none?token=secret`, { client }), {
      code: 'blob-unknown',
      status: 404,
      message: `Cannot download "http://${registry.host}/x/none": ${registry.host} answered 404`,
    });
    await assert.rejects(download('file:///etc/passwd', { client }), { code: 'reference-invalid' });
  });
});

test('redaction takes out what must not be seen', () => {
  assert.equal(redactUrl(new URL('https://ada:word@r.example:1/p?q=s#f')), 'https://r.example:1/p');
  const text = 'GET https://ada:word@r.example/p?sig=1 with Authorization: Bearer abcdefghijkl and Basic YWRhOndvcmQ= ok';
  assert.equal(redactText(text), 'GET https://r.example/p with Authorization: Bearer ... and Basic ... ok');
  assert.equal(cleanText('a\u001b[31mb\r\nc\u202e d'), 'a [31mb c d');
  assert.equal(cleanText('x'.repeat(600)).length, 503);
});

describe('Semaphore', () => {
  test('lets so many in, in order, and forgets those who leave', async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire(undefined);
    const controller = new AbortController();
    const order: string[] = [];
    const impatient = semaphore.acquire(controller.signal);
    const patient = semaphore.acquire(undefined).then((free) => {
      order.push('patient');
      return free;
    });
    controller.abort(new Error('gone'));
    await assert.rejects(impatient, { message: 'gone' });
    order.push('released');
    release();
    release();
    (await patient)();
    assert.deepEqual(order, ['released', 'patient']);
    (await semaphore.acquire(undefined))();
  });
});
