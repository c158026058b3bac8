import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import { canonicalHost } from '../../registry/address/host-name.ts';
import { formatReference, parseReference } from '../../registry/address/reference.ts';
import { findCredentials } from '../../registry/auth/find-credentials.ts';
import { loadRegistriesConf } from '../../registry/config/registries-conf.ts';
import { pullSites, pushSite } from '../../registry/config/sites.ts';
import { RegistryClient } from '../../registry/distribution/client.ts';
import { login, logout, signedIn } from '../../registry/login.ts';
import { resolveImage } from '../../registry/resolve-image.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import { plant, testImage } from '../support/registry-image.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder('spelled-hosts');
const image = testImage();
const platform = { os: 'linux', architecture: 'amd64' };
const registry = await FakeRegistry.start({ auth: { scheme: 'basic', username: 'ada', password: 'word' } });
plant(registry, { repository: 'app', tag: '1' }, image);
after(async () => {
  await registry[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});
const { port } = registry;

/** One host each, in the form in which hosts are compared, with other ways to write it. */
const hosts: readonly (readonly [host: string, ...others: readonly string[]])[] = [
  [
    `127.0.0.1:${port}`,
    `127.1:${port}`,
    `127.0.1:${port}`,
    `0x7f.1:${port}`,
    `0x7f.0.0.1:${port}`,
    `0X7F.0.0.1:${port}`,
    `0177.0.0.01:${port}`,
    `2130706433:${port}`,
    `127.0.0.1:${String(port).padStart(5, '0')}`,
    `[::ffff:127.0.0.1]:${port}`,
    `[::ffff:7f00:1]:${port}`,
  ],
  ['evil.example', 'EVIL.example', 'Evil.Example', 'evil.example:443', 'evil.example:0443', 'EVIL.EXAMPLE:443'],
  ['evil.example:5000', 'EVIL.example:5000', 'evil.example:05000'],
  ['[::1]:5000', '[0::1]:5000', '[0:0:0:0:0:0:0:1]:5000', '[::0001]:05000'],
  ['docker.io', 'DOCKER.IO', 'Docker.io', 'index.docker.io', 'Registry-1.Docker.IO'],
];

async function conf(text: string): Promise<ReturnType<typeof loadRegistriesConf>> {
  const file = folder.at('registries.conf');
  await writeFile(file, text);
  return loadRegistriesConf({ CONTAINERS_REGISTRIES_CONF: file });
}

for (const [host, ...others] of hosts) {
  describe(`what is said of ${host}`, () => {
    for (const spelling of [host, ...others]) {
      const reference = parseReference(`${spelling}/ns/app:1`);

      test(`holds for ${spelling}`, async () => {
        const blocked = await conf(`[[registry]]\nlocation = "${host}"\nblocked = true\n`);
        assert.throws(() => pullSites(reference, blocked), { code: 'blocked' });
        assert.throws(() => pushSite(reference, blocked), { code: 'blocked' });
        const part = await conf(`[[registry]]\nprefix = "${host}/ns"\nlocation = "safe.example/x"\ninsecure = true\n`);
        assert.deepEqual(pullSites(reference, part).map(formatReference), ['safe.example/x/app']);
      });

      test(`holds when it is written as ${spelling} there`, async () => {
        const written = parseReference(`${host}/ns/app:1`);
        const rules = await conf(
          `[[registry]]\nlocation = "${spelling}"\n[[registry.mirror]]\nlocation = "m.example"\n[[registry.mirror]]\nlocation = "M.example."\n`,
        );
        assert.deepEqual(
          pullSites(written, rules).map(({ registry: site }) => site),
          ['m.example', 'm.example', canonicalHost(spelling)],
        );
      });
    }
  });
}

test('a wildcard holds for names in capitals, with any port', async () => {
  const rules = await conf('[[registry]]\nprefix = "*.Evil.example"\nblocked = true\n');
  for (const name of ['a.evil.example/x', 'A.EVIL.example/x', 'b.a.Evil.Example:5000/x']) {
    assert.throws(() => pullSites(parseReference(name), rules), { code: 'blocked' });
  }
});

describe('credentials', () => {
  const pairOf = (name: string): { readonly auth: string } => ({ auth: Buffer.from(`${name}:word`).toString('base64') });

  for (const [host, ...others] of hosts.filter(([name]) => name !== 'evil.example')) {
    for (const spelling of others) {
      test(`for ${host} are those of ${spelling}`, async () => {
        const authFile = folder.at('auth.json');
        const options = { environment: {}, authFile };
        await writeFile(authFile, JSON.stringify({ auths: { [host]: pairOf('ada') } }));
        assert.equal((await findCredentials(nameIn(spelling), options))?.username, 'ada');
        await writeFile(authFile, JSON.stringify({ auths: { [`https://${spelling}/v2/`]: pairOf('eve') } }));
        assert.equal((await findCredentials(nameIn(host), options))?.username, 'eve');
      });
    }
  }

  function nameIn(host: string): string {
    return formatReference(parseReference(`${host}/app`));
  }

  test('of a login serve every spelling, and a logout takes them all', async () => {
    const authFile = folder.at('login.json');
    await using client = new RegistryClient({ environment: { HOME: '/nonexistent' }, authFile });
    const options = { environment: {}, authFile, client };
    await login(`127.1:${port}`, { username: 'ada', secret: 'word' }, options);
    assert.deepEqual(await signedIn(options), [`127.0.0.1:${port}`]);
    const found = await resolveImage(`0x7f.1:${port}/app:1`, { client, platform });
    assert.equal(found.reference, `127.0.0.1:${port}/app:1@${image.descriptor.digest}`);
    assert.equal(await logout(`2130706433:${port}`, options), true);
    assert.deepEqual(await signedIn(options), []);
  });
});
