import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { RegistryClient, type RegistryClientOptions } from '../../registry/distribution/client.ts';
import { openOciLayout } from '../../registry/local-image.ts';
import { login, logout } from '../../registry/login.ts';
import { digestOf, hexOf } from '../../registry/oci/digest.ts';
import type { SourceImage } from '../../registry/oci/image-source.ts';
import { type PushImage, type PushProgress, pushImage } from '../../registry/push.ts';
import { resolveDigest, resolveImage } from '../../registry/resolve-image.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { ForwardProxy } from '../support/forward-proxy.ts';
import { type RealRegistry, startRealRegistry } from '../support/real-registry.ts';
import { collect, describe as describeBytes, type TestImage, testImage, testIndex } from '../support/registry-image.ts';
import { requires } from '../support/requires.ts';
import { SocksProxy } from '../support/socks-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const platform = { os: 'linux', architecture: 'amd64' };
const folder = temporaryFolder('real-registry');
const needed = requires('tool:docker-registry', 'tool:skopeo', 'tool:htpasswd', 'tool:openssl');

after(() => folder[Symbol.dispose]());

function newClient(options: Partial<RegistryClientOptions> = {}): RegistryClient {
  const environment = { CONTAINERS_REGISTRIES_CONF: '/nonexistent', HOME: folder.path, PATH: process.env['PATH'] };
  return new RegistryClient({ environment, limits: { backoffMs: 1, attempts: 4 }, ...options });
}

function parts(image: TestImage): PushImage {
  return {
    manifestBytes: image.manifest.bytes,
    mediaType: image.manifest.type,
    configBytes: image.config,
    layers: image.layers.map((bytes, index) => ({
      descriptor: image.layerDescriptors[index] ?? describeBytes(bytes, ''),
      open: () => chunksOf(bytes),
    })),
  };
}

/** What was pulled, ready to be pushed. */
function partsOf(image: SourceImage): PushImage {
  const { manifestBytes, descriptor, configBytes, manifest, blobs } = image;
  const layers = manifest.layers.map((layer) => ({
    descriptor: layer,
    open: async () => (await blobs.open(layer, {})).bytes,
    origin: blobs.origin,
  }));
  return { manifestBytes, mediaType: descriptor.mediaType, configBytes, layers };
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536);
}

async function layersOf(source: SourceImage): Promise<readonly Buffer[]> {
  return Promise.all(source.manifest.layers.map(async (layer) => collect((await source.blobs.open(layer, {})).bytes)));
}

/** An OCI layout that skopeo can read, as `oci:<path>:v1`. */
async function layout(name: string, image: TestImage): Promise<string> {
  const path = folder.at(name);
  await mkdir(`${path}/blobs/sha256`, { recursive: true });
  await writeFile(`${path}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  const named = { ...image.descriptor, annotations: { 'org.opencontainers.image.ref.name': 'v1' } };
  await writeFile(`${path}/index.json`, testIndex([named]).bytes);
  for (const blob of [image.manifest.bytes, image.config, ...image.layers]) {
    await writeFile(`${path}/blobs/sha256/${hexOf(digestOf(blob))}`, blob);
  }
  return path;
}

describe('a plain docker-registry', needed, () => {
  let registry: RealRegistry;
  const client = newClient();

  before(async () => {
    registry = await startRealRegistry();
  });
  after(async () => {
    await client[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  for (const isDocker of [false, true]) {
    test(`takes and gives an image of ${isDocker ? 'Docker' : 'OCI'} types`, async () => {
      const image = testImage({ isDocker });
      const name = `${registry.host}/round/trip-${isDocker}:1`;
      await pushImage(name, parts(image), { client, tags: ['2'] });
      const source = await resolveImage(`${registry.host}/round/trip-${isDocker}:2`, { client, platform });
      assert.deepEqual(source.descriptor, image.descriptor);
      assert.deepEqual(await layersOf(source), image.layers);
      assert.deepEqual((await resolveDigest(name, { client })).descriptor, image.descriptor);
    });
  }

  test('takes chunks', async () => {
    const image = testImage({ layerSizes: [300_000] });
    await pushImage(`${registry.host}/chunks:1`, parts(image), { client, chunkBytes: 100_000 });
    assert.deepEqual(await layersOf(await resolveImage(`${registry.host}/chunks:1`, { client, platform })), image.layers);
  });

  test('mounts layers from where they were pulled', async () => {
    const image = testImage();
    await pushImage(`${registry.host}/base/one:1`, parts(image), { client });
    const source = await resolveImage(`${registry.host}/base/one:1`, { client, platform });
    const states: string[] = [];
    const onProgress = (progress: PushProgress): number => states.push(progress.state);
    await pushImage(`${registry.host}/other/two:1`, partsOf(source), { client, onProgress });
    assert.equal(states.filter((state) => state === 'mounted').length, 3);
  });

  test('exchanges images with skopeo', async () => {
    const image = testImage();
    const path = await layout('skopeo', image);
    const copy = ['copy', '-q', '--insecure-policy', '--preserve-digests'];
    await run('skopeo', [...copy, '--dest-tls-verify=false', `oci:${path}:v1`, `docker://${registry.host}/from/skopeo:1`]);
    const source = await resolveImage(`${registry.host}/from/skopeo:1`, { client, platform });
    assert.deepEqual(source.descriptor, image.descriptor);
    assert.deepEqual(await layersOf(source), image.layers);

    await pushImage(`${registry.host}/from/us:1`, parts(image), { client });
    await run('skopeo', [
      ...copy,
      '--src-tls-verify=false',
      `docker://${registry.host}/from/us:1`,
      `oci:${folder.at('back')}:v1`,
    ]);
    const back = await openOciLayout(`${folder.at('back')}:v1`, { platform });
    assert.equal(back.descriptor.digest, image.descriptor.digest);
    assert.deepEqual(await layersOf(back), image.layers);
  });

  test('is pulled from to the end although connections are cut at every tenth', async () => {
    const image = testImage({ layerSizes: [2_000_000] });
    await pushImage(`${registry.host}/cut/pull:1`, parts(image), { client });
    await using proxy = await CuttingProxy.start(registry.host);
    await using cut = newClient();
    const source = await resolveImage(`${proxy.host}/cut/pull:1`, { client: cut, platform });
    // Connections are kept, and what has passed over the first one counts.
    for (let tenth = 0; tenth < 9; tenth += 1) proxy.cuts.push({ direction: 'down', atByte: 200_000 });
    assert.deepEqual(await layersOf(source), image.layers);
    assert.equal(proxy.cuts.length, 0);
  });

  test('is pushed to to the end although connections are cut at every tenth', async () => {
    await using proxy = await CuttingProxy.start(registry.host);
    for (let tenth = 1; tenth < 10; tenth += 1) {
      const one = testImage({ layerSizes: [500_000] });
      await using cut = newClient();
      proxy.cuts.push({ direction: 'up', atByte: tenth * 50_000 });
      await pushImage(`${proxy.host}/cut/push:${tenth}`, parts(one), { client: cut });
      const source = await resolveImage(`${registry.host}/cut/push:${tenth}`, { client, platform });
      assert.deepEqual(await layersOf(source), one.layers);
    }
  });

  for (const [what, atByte, chunkBytes] of [
    ['before its first byte', 0, undefined],
    ['between two chunks', 2_000_000, 1_000_000],
  ] as const) {
    test(`keeps nothing of a push that ends ${what}`, async () => {
      const image = testImage({ layerSizes: [4_000_000] });
      const [layer] = parts(image).layers;
      assert.ok(layer);
      let opened = 0;
      const breaking = async function* (): AsyncGenerator<Uint8Array> {
        if (opened * 1_000_000 === atByte) throw new Error('the source is gone');
        opened += 1;
        yield* chunksOf(image.layers[0] ?? Buffer.of());
      };
      const broken = { ...parts(image), layers: [{ ...layer, open: breaking }] };
      // One blob after the other, so that none is being begun while another fails.
      await using single = newClient({ limits: { backoffMs: 1, parallelBlobs: 1 } });
      const options = { client: single, ...(chunkBytes !== undefined && { chunkBytes }) };
      const repository = `stopped/at-${atByte}`;
      await assert.rejects(pushImage(`${registry.host}/${repository}:1`, broken, options), { message: 'the source is gone' });
      // It forgets the bytes, though not the empty folder of their upload.
      const uploads = `${registry.storage}/docker/registry/v2/repositories/${repository}/_uploads`;
      const left = await readdir(uploads, { recursive: true });
      assert.deepEqual(
        left.filter((name) => name.endsWith('/data')),
        [],
      );
    });
  }

  test('says what it does not have', async () => {
    await assert.rejects(resolveImage(`${registry.host}/nothing/here:1`, { client, platform }), {
      code: 'manifest-unknown',
      registryCodes: ['MANIFEST_UNKNOWN'],
      status: 404,
    });
    await assert.rejects(pushImage(`${registry.host}/UPPER:1`, parts(testImage()), { client }), { code: 'reference-invalid' });
  });
});

describe('a docker-registry with users', needed, () => {
  let registry: RealRegistry;
  const password = { username: 'ada', secret: 'pa:ss wörd' };

  before(async () => {
    registry = await startRealRegistry({ user: { username: 'ada', password: password.secret } });
  });
  after(() => registry[Symbol.asyncDispose]());

  test('wants a sign-in, keeps a right one and forgets it', async () => {
    const authFile = folder.at('auth.json');
    const environment = { HOME: folder.path, CONTAINERS_REGISTRIES_CONF: '/nonexistent' };
    const image = testImage();
    const push = async (): Promise<unknown> => {
      await using client = newClient({ authFile });
      return pushImage(`${registry.host}/private:1`, parts(image), { client });
    };
    await assert.rejects(push(), { code: 'unauthorized', hint: `Sign in with: tsbuild login ${registry.host}` });
    await using client = newClient();
    const wrong = login(registry.host, { ...password, secret: 'wrong' }, { client, authFile, environment });
    await assert.rejects(wrong, { code: 'unauthorized' });
    await login(registry.host, password, { client, authFile, environment });
    await push();
    await run('skopeo', ['inspect', '--tls-verify=false', `--authfile=${authFile}`, `docker://${registry.host}/private:1`]);
    assert.equal(await logout(registry.host, { authFile, environment }), true);
    assert.equal(await logout(registry.host, { authFile, environment }), false);
    assert.deepEqual(JSON.parse(await readFile(authFile, 'utf8')), { auths: {} });
    await assert.rejects(push(), { code: 'unauthorized' });
  });
});

describe('a docker-registry with TLS', needed, () => {
  let registry: RealRegistry;
  let strict: RealRegistry;
  const image = testImage();

  before(async () => {
    registry = await startRealRegistry({ hasTls: true });
    strict = await startRealRegistry({ hasTls: true, wantsClientCertificate: true });
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    await strict[Symbol.asyncDispose]();
  });

  async function pushWith(options: Partial<RegistryClientOptions>, host: string = registry.host): Promise<unknown> {
    await using client = newClient(options);
    return pushImage(`${host}/secure:1`, parts(image), { client });
  }

  test('is not trusted without its authority', async () => {
    await assert.rejects(pushWith({}), { code: 'certificate' });
  });

  test('is trusted with it, from --cert-dir, certs.d or SSL_CERT_FILE', async () => {
    const { certDirectory } = registry;
    const onlyAuthority = folder.at('only-ca');
    await mkdir(onlyAuthority);
    await writeFile(`${onlyAuthority}/ca.crt`, await readFile(`${certDirectory}/ca.crt`));
    await pushWith({ certDirectory: onlyAuthority });
    const own = folder.at('.config/containers/certs.d', registry.host);
    await mkdir(own, { recursive: true });
    await writeFile(`${own}/ca.crt`, await readFile(`${certDirectory}/ca.crt`));
    await pushWith({});
    const environment = {
      HOME: '/nonexistent',
      SSL_CERT_FILE: `${certDirectory}/ca.crt`,
      CONTAINERS_REGISTRIES_CONF: '/nonexistent',
    };
    await pushWith({ environment });
  });

  test('is used unverified when told so', async () => {
    await pushWith({ tlsVerify: false, environment: { HOME: '/nonexistent', CONTAINERS_REGISTRIES_CONF: '/nonexistent' } });
  });

  test('is trusted through a SOCKS proxy by the name that it has there', async () => {
    const port = Number(strict.host.split(':')[1]);
    await using proxy = await SocksProxy.start({ targetPort: port });
    const environment = { HOME: '/nonexistent', CONTAINERS_REGISTRIES_CONF: '/nonexistent', all_proxy: `socks5://${proxy.host}` };
    await pushWith({ environment, certDirectory: strict.certDirectory }, `registry.invalid:${port}`);
    await assert.rejects(pushWith({ environment, certDirectory: strict.certDirectory }, `other.invalid:${port}`), {
      code: 'certificate',
      message: /is for another name$/,
    });
  });

  test('is spoken to with TLS inside the TLS of a proxy', async () => {
    const { certDirectory, host } = strict;
    const port = Number(host.split(':')[1]);
    const [cert, key] = await Promise.all(['server.pem', 'server.key'].map((name) => readFile(`${certDirectory}/${name}`)));
    await using proxy = await ForwardProxy.start({ targetPort: port, tls: { cert, key } });
    const environment = {
      HOME: '/nonexistent',
      CONTAINERS_REGISTRIES_CONF: '/nonexistent',
      HTTPS_PROXY: `https://${proxy.host}`,
      SSL_CERT_FILE: `${certDirectory}/ca.crt`,
    };
    await pushWith({ environment, certDirectory }, `registry.invalid:${port}`);
    assert.deepEqual(new Set(proxy.asked), new Set([`CONNECT registry.invalid:${port}`]));
    await assert.rejects(pushWith({ environment, certDirectory }, `other.invalid:${port}`), {
      code: 'certificate',
      message: /the certificate of other\.invalid:\d+ is for another name$/,
    });
  });

  test('gets a client certificate when there is one', async () => {
    const environment = {
      HOME: '/nonexistent',
      CONTAINERS_REGISTRIES_CONF: '/nonexistent',
      SSL_CERT_FILE: `${strict.certDirectory}/ca.crt`,
    };
    await assert.rejects(pushWith({ environment }, strict.host), { code: 'connection-lost', hint: /client\.cert/ });
    await pushWith({ certDirectory: strict.certDirectory }, strict.host);
  });
});
