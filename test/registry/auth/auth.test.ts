import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import { parseChallenges, preferredChallenge } from '../../../registry/auth/challenge.ts';
import type { Credentials } from '../../../registry/auth/credentials.ts';
import { findCredentials } from '../../../registry/auth/find-credentials.ts';
import { requestToken } from '../../../registry/auth/token.ts';
import { RegistryClient, type RegistryClientOptions } from '../../../registry/distribution/client.ts';
import { login, logout } from '../../../registry/login.ts';
import { pushImage } from '../../../registry/push.ts';
import { resolveImage } from '../../../registry/resolve-image.ts';
import { FakeRegistry, type FakeRegistryOptions } from '../../support/fake-registry.ts';
import { collect, json, plant, testImage } from '../../support/registry-image.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder('auth');
const platform = { os: 'linux', architecture: 'amd64' };
after(() => folder[Symbol.dispose]());

let count = 0;

/** Writes an auth file and returns its path. */
async function authFile(document: unknown): Promise<string> {
  count += 1;
  const file = folder.at(`auth-${count}.json`);
  await writeFile(file, json(document));
  return file;
}

function pair(username: string, secret: string): { auth: string } {
  return { auth: Buffer.from(`${username}:${secret}`).toString('base64') };
}

function password(username: string, secret: string): Credentials {
  return { kind: 'password', username, secret };
}

function unreachable(): Promise<never> {
  assert.fail('nothing may be sent');
}

describe('parseChallenges()', () => {
  const bearer = 'Bearer realm="https://a.example/token",service="a b",scope="repository:x:pull,push"';

  test('tells parameters from challenges', () => {
    const found = parseChallenges([`Basic realm="x, \\"y\\"", ${bearer}, Negotiate, digest a=b`, 'Basic']);
    assert.deepEqual(
      found.map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]),
      [
        ['basic', { realm: 'x, "y"' }],
        ['bearer', { realm: 'https://a.example/token', service: 'a b', scope: 'repository:x:pull,push' }],
        ['negotiate', {}],
        ['digest', { a: 'b' }],
        ['basic', {}],
      ],
    );
  });

  test('prefers Bearer, and knows nothing else but Basic', () => {
    assert.equal(preferredChallenge(parseChallenges(['Basic realm="x"', bearer]))?.scheme, 'bearer');
    assert.equal(preferredChallenge(parseChallenges(['NEGOTIATE abc==, BASIC realm=x']))?.scheme, 'basic');
    assert.equal(preferredChallenge(parseChallenges(['Bearer service="no realm"', 'Negotiate'])), undefined);
    assert.deepEqual(parseChallenges(['', ',,= "']), []);
  });
});

describe('findCredentials()', () => {
  const environment = { HOME: folder.path, PATH: `${folder.path}:${process.env['PATH']}` };

  test('takes the most specific prefix, whatever the spelling of the key', async () => {
    const file = await authFile({
      auths: {
        'https://index.docker.io/v1/': pair('hub', '1'),
        'r.example': pair('host', 'a:b'),
        'r.example/team': pair('team', '2'),
        'https://old.example/v2/': pair('old', '3\u0000\u0000'),
        'plain.example': { username: 'u', password: 'p' },
        'token.example': { ...pair('00000000', ''), identitytoken: 'idt' },
        'direct.example': { registrytoken: 'rt' },
        'empty.example': {},
      },
    });
    const find = (repository: string): Promise<Credentials | undefined> =>
      findCredentials(repository, { environment, authFile: file });
    assert.deepEqual(await find('docker.io/library/x'), password('hub', '1'));
    assert.deepEqual(await find('r.example/other/x'), password('host', 'a:b'));
    assert.deepEqual(await find('r.example/team/x'), password('team', '2'));
    assert.deepEqual(await find('r.example/teams/x'), password('host', 'a:b'));
    assert.deepEqual(await find('old.example/x'), password('old', '3'));
    assert.deepEqual(await find('plain.example/x'), password('u', 'p'));
    assert.deepEqual(await find('token.example/x'), { kind: 'identity-token', username: '00000000', secret: 'idt' });
    assert.deepEqual(await find('direct.example/x'), { kind: 'registry-token', username: '', secret: 'rt' });
    assert.equal(await find('empty.example/x'), undefined);
    assert.equal(await find('r.example:5000/x'), undefined);
  });

  test('reads the files in the order of containers tools', async () => {
    const home = folder.at('order');
    const files = [
      [`${home}/run/containers/auth.json`, 'runtime'],
      [`${home}/.config/containers/auth.json`, 'config'],
      [`${home}/.docker/config.json`, 'docker'],
    ] as const;
    const options = { environment: { HOME: home, XDG_RUNTIME_DIR: `${home}/run` } };
    for (const [file, username] of files.toReversed()) {
      await mkdir(file.slice(0, file.lastIndexOf('/')), { recursive: true });
      await writeFile(file, json({ auths: { 'r.example': pair(username, 'x') } }));
      assert.deepEqual(await findCredentials('r.example/x', options), password(username, 'x'));
    }
    const named = { environment: { ...options.environment, REGISTRY_AUTH_FILE: files[2][0] } };
    assert.deepEqual(await findCredentials('r.example/x', named), password('docker', 'x'));
  });

  test('asks helpers, for a host before all others, and passes nothing secret as argument', async () => {
    const script = [
      '#!/bin/sh',
      `echo "$0 $*" >> ${folder.at('calls')}`,
      'read -r key',
      'case "$key" in',
      'known.example) echo \'{"ServerURL":"","Username":"ada","Secret":"from-helper"}\' ;;',
      'token.example) echo \'{"ServerURL":"","Username":"<token>","Secret":"refresh"}\' ;;',
      'broken.example) echo \'{"Secret":"leaked-secret"\' ;;',
      'crash.example) echo leaked-secret; echo leaked-secret >&2; exit 3 ;;',
      '*) echo "credentials not found in native keychain"; exit 1 ;;',
      'esac',
    ].join('\n');
    await writeFile(folder.at('docker-credential-test'), script);
    await chmod(folder.at('docker-credential-test'), 0o755);
    const hosts = ['known.example', 'token.example', 'broken.example', 'crash.example', 'none.example'];
    const file = await authFile({
      credHelpers: Object.fromEntries(hosts.map((host) => [host, 'test'])),
      auths: { 'known.example': pair('stored', 'x') },
    });
    const find = (repository: string): Promise<Credentials | undefined> =>
      findCredentials(repository, { environment, authFile: file });
    assert.deepEqual(await find('known.example/x'), password('ada', 'from-helper'));
    assert.deepEqual(await find('token.example/x'), { kind: 'identity-token', username: '<token>', secret: 'refresh' });
    assert.equal(await find('none.example/x'), undefined);
    for (const host of ['broken.example', 'crash.example']) {
      await assert.rejects(find(`${host}/x`), (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, new RegExp(`^Cannot get the credentials for "${host}" with "docker-credential-test": `));
        assert.doesNotMatch(JSON.stringify(error) + error.stack, /leaked/);
        return true;
      });
    }
    assert.deepEqual(
      new Set((await readFile(folder.at('calls'), 'utf8')).trim().split('\n')),
      new Set([`${folder.at('docker-credential-test')} get`]),
    );
  });

  test('goes on without a store that is not installed, and stops at a helper that is not', async () => {
    const notices: string[] = [];
    const file = await authFile({
      credsStore: 'absent',
      credHelpers: { 'h.example': 'absent', 'e.example': '../evil' },
      auths: { 'r.example': pair('a', 'b') },
    });
    const options = { environment, authFile: file, onNotice: (text: string) => notices.push(text) };
    assert.deepEqual(await findCredentials('r.example/x', options), password('a', 'b'));
    assert.deepEqual(notices, ['Cannot get credentials with "docker-credential-absent": it is not installed']);
    await assert.rejects(findCredentials('h.example/x', options), { code: 'credentials' });
    await assert.rejects(findCredentials('e.example/x', options), { code: 'credentials' });
  });

  test('says what is wrong with a file, without quoting it', async () => {
    await writeFile(folder.at('bad.json'), '{"auths": {"x": "hunter2"');
    const bad = findCredentials('x/y', { environment, authFile: folder.at('bad.json') });
    await assert.rejects(bad, { code: 'configuration', message: `Cannot read "${folder.at('bad.json')}": it is not JSON` });
    const file = await authFile({ auths: { 'r.example': { auth: 'bm8gY29sb24=' } } });
    await assert.rejects(findCredentials('r.example/x', { environment, authFile: file }), {
      message: `Cannot read the credentials for "r.example" in "${file}": its "auth" is not a user and password in base64`,
    });
    assert.equal(await findCredentials('x/y', { environment, authFile: folder.at('none.json') }), undefined);
  });
});

/** A registry that wants a sign-in, and a client that knows what `document` says of it. */
async function signedIn(
  auth: NonNullable<FakeRegistryOptions['auth']>,
  entry: unknown,
  options: Partial<RegistryClientOptions> = {},
): Promise<{ registry: FakeRegistry; client: RegistryClient } & AsyncDisposable> {
  const registry = await FakeRegistry.start({ auth });
  const file = await authFile({ auths: entry === undefined ? {} : { [registry.host]: entry } });
  const environment = { CONTAINERS_REGISTRIES_CONF: '/nonexistent', HOME: '/nonexistent' };
  const client = new RegistryClient({ environment, authFile: file, limits: { backoffMs: 1, attempts: 3 }, ...options });
  return {
    registry,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

const user = { username: 'ada', password: 'secret-word' } as const;

function parts(image: ReturnType<typeof testImage>): Parameters<typeof pushImage>[1] {
  const layers = image.layerDescriptors.map((descriptor, index) => ({
    descriptor,
    async *open() {
      yield image.layers[index] ?? Buffer.alloc(0);
    },
  }));
  return { manifestBytes: image.manifest.bytes, mediaType: image.manifest.type, configBytes: image.config, layers };
}

describe('a registry that wants a sign-in', () => {
  for (const scheme of ['basic', 'bearer'] as const) {
    test(`gets it: ${scheme}`, async () => {
      await using at = await signedIn({ scheme, ...user }, pair(user.username, user.password));
      const image = testImage();
      await pushImage(`${at.registry.host}/app:1`, parts(image), { client: at.client });
      const source = await resolveImage(`${at.registry.host}/app:1`, { client: at.client, platform });
      assert.equal(source.descriptor.digest, image.descriptor.digest);
      assert.equal(at.registry.tokens.size, scheme === 'basic' ? 0 : 2, 'one token for each kind of access');
    });
  }

  test('lets everybody pull with a token for nobody', async () => {
    await using at = await signedIn({ scheme: 'bearer', ...user, isPullAnonymous: true }, undefined);
    plant(at.registry, { repository: 'app', tag: '1' }, testImage());
    await resolveImage(`${at.registry.host}/app:1`, { client: at.client, platform });
    await assert.rejects(pushImage(`${at.registry.host}/app:2`, parts(testImage()), { client: at.client }), {
      code: 'unauthorized',
      hint: `Sign in with: tsbuild login ${at.registry.host}`,
    });
  });

  test('takes an identity token', async () => {
    await using at = await signedIn({ scheme: 'bearer', ...user, identityToken: 'refresh-me' }, { identitytoken: 'refresh-me' });
    await pushImage(`${at.registry.host}/app:1`, parts(testImage()), { client: at.client });
    const asked = at.registry.requests.filter(({ path }) => path === '/token');
    assert.deepEqual(new Set(asked.map(({ method }) => method)), new Set(['POST']));
  });

  test('gets a new token when the old one has expired, in the middle of an upload too', async () => {
    await using at = await signedIn({ scheme: 'bearer', ...user }, pair(user.username, user.password));
    const image = testImage({ layerSizes: [100_000] });
    at.registry.fail({ method: 'PATCH', path: /uploads/, after: 1, times: 1, fault: { kind: 'expire-tokens' } });
    await pushImage(`${at.registry.host}/app:1`, parts(image), { client: at.client, chunkBytes: 30_000 });
    const source = await resolveImage(`${at.registry.host}/app:1`, { client: at.client, platform });
    at.registry.tokens.clear();
    const [layer] = source.manifest.layers;
    assert.ok(layer);
    assert.deepEqual(await collect((await source.blobs.open(layer, {})).bytes), image.layers[0]);
  });

  test('asks for both repositories when it mounts', async () => {
    await using at = await signedIn({ scheme: 'bearer', ...user }, pair(user.username, user.password));
    const image = testImage();
    plant(at.registry, { repository: 'base', tag: '1' }, image);
    const origin = { registry: at.registry.host, repository: 'base' };
    const states: string[] = [];
    const layers = parts(image).layers.map((layer) => ({ ...layer, origin }));
    await pushImage(
      `${at.registry.host}/app:1`,
      { ...parts(image), layers },
      { client: at.client, onProgress: ({ state }) => states.push(state) },
    );
    assert.equal(states.filter((state) => state === 'mounted').length, 2);
  });

  test('is told apart from one that refuses what it got', async () => {
    await using at = await signedIn({ scheme: 'bearer', ...user }, pair('ada', 'wrong-word'));
    await assert.rejects(resolveImage(`${at.registry.host}/app:1`, { client: at.client, platform }), {
      code: 'unauthorized',
      message: `Cannot fetch image "${at.registry.host}/app:1": ${at.registry.host} does not accept the saved user and password`,
    });
  });

  test('on https may not lead a password to a plain token service', async () => {
    const request = { service: 'x', scopes: [], registry: new URL('https://r.example/'), isInsecure: false, purpose: 'fetch x' };
    const credentials: Credentials = { kind: 'password', username: 'ada', secret: 'word' };
    for (const realm of ['http://tokens.example/token', 'ftp://tokens.example/', 'nonsense']) {
      await assert.rejects(requestToken(unreachable, { ...request, realm, credentials }), { code: 'protocol' });
    }
  });
});

describe('login()', () => {
  test('keeps what the registry accepts, privately, beside what is there', async () => {
    await using at = await signedIn({ scheme: 'bearer', ...user }, undefined);
    const { host } = at.registry;
    const file = folder.at('deep/er/auth.json');
    const options = { client: at.client, authFile: file, environment: {} };
    const credentials = { username: user.username, secret: user.password };
    await assert.rejects(login(host, { ...credentials, secret: 'no' }, options), { code: 'unauthorized' });
    await assert.rejects(stat(file), { code: 'ENOENT' });
    assert.deepEqual(await login(host, credentials, options), { host, keptIn: file });
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await writeFile(file, json({ ...JSON.parse(await readFile(file, 'utf8')), detachKeys: 'x' }));
    await login(`${host}/team`, credentials, options);
    const entry = pair(user.username, user.password);
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), {
      auths: { [host]: entry, [`${host}/team`]: entry },
      detachKeys: 'x',
    });
    assert.equal(await logout(host, options), true);
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { auths: { [`${host}/team`]: entry }, detachKeys: 'x' });
  });

  test('gives them to the helper that the file names', async () => {
    await using at = await signedIn({ scheme: 'basic', ...user }, undefined);
    const script = `#!/bin/sh\ncase $1 in erase) cat > ${folder.at('erased')} ;; *) cat > ${folder.at('kept')} ;; esac\n`;
    await writeFile(folder.at('docker-credential-keep'), script, { mode: 0o755 });
    const file = await authFile({ credsStore: 'keep' });
    const options = { client: at.client, authFile: file, environment: { PATH: `${folder.path}:${process.env['PATH']}` } };
    const result = await login(at.registry.host, { username: user.username, secret: user.password }, options);
    assert.deepEqual(result, { host: at.registry.host, keptIn: 'docker-credential-keep' });
    assert.deepEqual(JSON.parse(await readFile(folder.at('kept'), 'utf8')), {
      ServerURL: at.registry.host,
      Username: 'ada',
      Secret: 'secret-word',
    });
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { credsStore: 'keep' });
    assert.equal(await logout(at.registry.host, options), true);
    assert.equal(await readFile(folder.at('erased'), 'utf8'), at.registry.host);
  });

  test('refuses what is no registry', async () => {
    await using at = await signedIn({ scheme: 'basic', ...user }, undefined);
    await assert.rejects(login('a b', { username: 'a', secret: 'b' }, { client: at.client, environment: {} }), {
      code: 'reference-invalid',
    });
  });
});
