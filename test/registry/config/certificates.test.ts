import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { RegistryClient } from '../../../registry/distribution/client.ts';
import { RegistryError } from '../../../registry/errors/registry-error.ts';
import { networkError } from '../../../registry/http/network-errors.ts';
import { resolveImage } from '../../../registry/resolve-image.ts';
import { FakeRegistry } from '../../support/fake-registry.ts';
import { ForwardProxy } from '../../support/forward-proxy.ts';
import { hostOf, listen } from '../../support/loopback.ts';
import { plant, testImage } from '../../support/registry-image.ts';
import { requires } from '../../support/requires.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const needed = requires('tool:openssl');
const folder = temporaryFolder('certificates');
after(() => folder[Symbol.dispose]());

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: folder.path, stdio: 'pipe' });
}

const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const;

/** `ca.crt` in a folder of its own, and what openssl needs to sign with dates of any time. */
function makeAuthority(): void {
  mkdirSync(folder.at('trusted'), { recursive: true });
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'trusted/ca.crt', '-subj', '/CN=test authority', '-days', '2');
  writeFileSync(folder.at('index.txt'), '');
  writeFileSync(
    folder.at('ca.conf'),
    `[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\nnew_certs_dir = .\nrand_serial = yes\ndefault_md = sha256
certificate = trusted/ca.crt\nprivate_key = ca.key\npolicy = any\ncopy_extensions = copy\nunique_subject = no\n[any]\ncommonName = supplied\n`,
  );
}

interface Wanted {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** A certificate of the authority, as `cert` and `key` of a server. */
function certificate({ name, from, to }: Wanted): { readonly cert: Buffer; readonly key: Buffer } {
  openssl(
    'req',
    ...key,
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
    '-subj',
    '/CN=server',
    '-addext',
    `subjectAltName=${name}`,
  );
  openssl('ca', '-batch', '-config', 'ca.conf', '-in', 'server.csr', '-out', 'server.pem', '-startdate', from, '-enddate', to);
  return { cert: readFileSync(folder.at('server.pem')), key: readFileSync(folder.at('server.key')) };
}

describe('a certificate', needed, () => {
  before(makeAuthority);
  const here = 'IP:127.0.0.1';
  const [longAgo, past, future, farFuture] = ['20000101000000Z', '20010101000000Z', '20450101000000Z', '20460101000000Z'];

  for (const [what, wanted, trusted, text, hint] of [
    ['that has expired', { name: here, from: longAgo, to: past }, true, 'has expired', /clock/],
    ['that is not valid yet', { name: here, from: future, to: farFuture }, true, 'is not valid yet', /clock is probably behind/],
    ['for another name', { name: 'DNS:other.example', from: longAgo, to: future }, true, 'is for another name', /Use the name/],
    [
      'of an unknown authority',
      { name: here, from: longAgo, to: future },
      false,
      'is signed by an authority that is not known here',
      /certs\.d\/127\.0\.0\.1:\d+\/ca\.crt, or use --cert-dir/,
    ],
  ] as const) {
    test(`${what} is named, with the cure`, async () => {
      const server = createServer(certificate(wanted), (_, response) => response.end());
      await listen(server);
      const environment = { CONTAINERS_REGISTRIES_CONF: '/nonexistent', HOME: '/nonexistent' };
      await using client = new RegistryClient({ environment, ...(trusted && { certDirectory: folder.at('trusted') }) });
      const host = hostOf(server);
      await assert.rejects(
        resolveImage(`${host}/app:1`, { client, platform: { os: 'linux', architecture: 'amd64' } }),
        (error) => {
          assert.ok(error instanceof RegistryError);
          assert.deepEqual(
            [error.code, error.side, error.message],
            ['certificate', 'network', `Cannot fetch image "${host}/app:1": the certificate of ${host} ${text}`],
          );
          assert.match(error.hint ?? '', hint);
          return true;
        },
      );
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
  }
});

describe('a proxy that speaks TLS itself', needed, () => {
  const name = 'registry.invalid:5000';
  const [from, to] = ['20000101000000Z', '20460101000000Z'];
  const platform = { os: 'linux', architecture: 'amd64' };
  before(() => {
    makeAuthority();
    writeFileSync(folder.at('registries.conf'), `[[registry]]\nlocation = "${name}"\ninsecure = true\n`);
  });

  function clientBehind(proxy: ForwardProxy, more: Readonly<Record<string, string>>): RegistryClient {
    const address = `https://ada:word@${proxy.host}`;
    const CONTAINERS_REGISTRIES_CONF = folder.at('registries.conf');
    const environment = { CONTAINERS_REGISTRIES_CONF, HOME: '/nonexistent', HTTPS_PROXY: address, http_proxy: address, ...more };
    return new RegistryClient({ environment, limits: { backoffMs: 1, attempts: 2 } });
  }

  test('is used when SSL_CERT_FILE names its authority', async () => {
    await using registry = await FakeRegistry.start();
    const image = testImage();
    plant(registry, { repository: 'app', tag: '1' }, image);
    const tls = certificate({ name: 'IP:127.0.0.1', from, to });
    await using proxy = await ForwardProxy.start({ targetPort: registry.port, password: 'ada:word', tls });
    await using client = clientBehind(proxy, { SSL_CERT_FILE: folder.at('trusted/ca.crt') });
    const source = await resolveImage(`${name}/app:1`, { client, platform });
    assert.equal(source.descriptor.digest, image.descriptor.digest);
    assert.deepEqual(new Set(proxy.asked), new Set([`CONNECT ${name}`]));
  });

  for (const [what, host, trusted, detail, hint] of [
    ['of an unknown authority', 'IP:127.0.0.1', false, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', /SSL_CERT_FILE/],
    ['for another name', 'DNS:other.example', true, 'ERR_TLS_CERT_ALTNAME_INVALID', /Check https_proxy/],
  ] as const) {
    test(`is named when its certificate is ${what}`, async () => {
      await using proxy = await ForwardProxy.start({ targetPort: 1, tls: certificate({ name: host, from, to }) });
      await using client = clientBehind(proxy, trusted ? { SSL_CERT_FILE: folder.at('trusted/ca.crt') } : {});
      await assert.rejects(resolveImage('r.invalid/app:1', { client, platform }), (error) => {
        assert.ok(error instanceof RegistryError);
        const expected = `Cannot fetch image "r.invalid/app:1": the proxy https://${proxy.host}/ cannot be used: ${detail}`;
        assert.deepEqual([error.code, error.message], ['proxy', expected]);
        assert.match(error.hint ?? '', hint);
        return true;
      });
      assert.deepEqual(proxy.asked, []);
    });
  }
});

describe('a failure of the network', () => {
  const request = { method: 'GET', url: new URL('https://r.example/v2/'), purpose: 'fetch it' } as const;
  for (const [code, ours, text] of [
    ['ECONNREFUSED', 'connection-refused', 'r.example refuses connections'],
    ['EHOSTUNREACH', 'connection-refused', 'r.example cannot be reached from here'],
    ['ENETUNREACH', 'connection-refused', 'r.example cannot be reached from here'],
    ['ENOTFOUND', 'dns', 'the name r.example has no address'],
    ['EAI_AGAIN', 'dns', 'the name server does not answer for r.example'],
    ['ECONNRESET', 'connection-lost', 'r.example closed the connection'],
    ['ETIMEDOUT', 'timeout', 'r.example did not answer in time'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout', 'r.example did not answer in time'],
    ['UND_ERR_BODY_TIMEOUT', 'timeout', 'r.example stopped sending'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls', 'r.example does not speak TLS'],
    ['CERT_REVOKED', 'certificate', 'the certificate of r.example has been revoked'],
    [
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      'certificate',
      'r.example does not accept the client certificate, or wants one',
    ],
    ['ERR_SSL_NO_CIPHERS', 'tls', 'the TLS connection to r.example failed (ERR_SSL_NO_CIPHERS)'],
  ] as const) {
    test(`${code} is told in words`, () => {
      const found = networkError(Object.assign(new Error('x'), { code }), request, undefined);
      assert.ok(found instanceof RegistryError);
      assert.deepEqual([found.code, found.message], [ours, `Cannot fetch it: ${text}`]);
    });
  }

  test('is looked for below what wraps it, as with several addresses of one name', () => {
    const inner = Object.assign(new Error('x'), { code: 'EHOSTUNREACH' });
    const found = networkError(new Error('fetch failed', { cause: new AggregateError([inner, inner]) }), request, undefined);
    assert.ok(found instanceof RegistryError);
    assert.equal(found.code, 'connection-refused');
  });

  test('that is nobody we know stays what it is', () => {
    const defect = new TypeError('x is not a function');
    assert.equal(networkError(defect, request, undefined), defect);
  });
});
