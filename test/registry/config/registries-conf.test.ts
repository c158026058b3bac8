import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import { formatReference, parseReference } from '../../../registry/address/reference.ts';
import { loadRegistriesConf } from '../../../registry/config/registries-conf.ts';
import { candidateReferences, pullSites, pushSite } from '../../../registry/config/sites.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder('registries-conf');
after(() => folder[Symbol.dispose]());

let count = 0;

async function load(text: string): ReturnType<typeof loadRegistriesConf> {
  count += 1;
  const file = folder.at(`${count}.conf`);
  await writeFile(file, text);
  return loadRegistriesConf({ CONTAINERS_REGISTRIES_CONF: file });
}

const conf = `
unqualified-search-registries = ["r.example", "docker.io"]
[[registry]]
prefix = "docker.io"
location = "hub.example/proxy"
[[registry.mirror]]
location = "mirror.example:5000/hub"
insecure = true
[[registry.mirror]]
location = "digests.example"
pull-from-mirror = "digest-only"
[[registry]]
location = "docker.io/secret"
blocked = true
[[registry]]
prefix = "*.wild.example"
insecure = true
[[registry]]
location = "host.example:5000"
insecure = true
[aliases]
"short" = "quay.io/someone/long"
`;

/** The sites of a pull under `conf`, as text. */
async function sites(text: string): Promise<readonly string[]> {
  const found = pullSites(parseReference(text), await load(conf));
  return found.map((site) => `${formatReference(site)}${site.isInsecure ? ' insecure' : ''}${site.isMirror ? ' mirror' : ''}`);
}

describe('pullSites()', () => {
  test('gives mirrors, then the moved registry', async () => {
    assert.deepEqual(await sites('ada/app:1'), ['mirror.example:5000/hub/ada/app insecure mirror', 'hub.example/proxy/ada/app']);
    assert.deepEqual(await sites(`ada/app@sha256:${'a'.repeat(64)}`), [
      'mirror.example:5000/hub/ada/app insecure mirror',
      'digests.example/ada/app mirror',
      'hub.example/proxy/ada/app',
    ]);
  });

  test('takes the longest prefix, and ends it at boundaries', async () => {
    await assert.rejects(sites('docker.io/secret/x'), { code: 'blocked' });
    assert.equal((await sites('docker.io/secrets/x')).length, 2);
    assert.deepEqual(await sites('a.wild.example/x'), ['a.wild.example/x insecure']);
    assert.deepEqual(await sites('wild.example/x'), ['wild.example/x']);
    assert.deepEqual(await sites('host.example:5000/x'), ['host.example:5000/x insecure']);
    assert.deepEqual(await sites('host.example/x'), ['host.example/x']);
  });

  test('leaves pushes to the registry itself', async () => {
    const site = pushSite(parseReference('host.example:5000/x'), await load(conf));
    assert.deepEqual(site, { registry: 'host.example:5000', repository: 'x', isInsecure: true, isMirror: false });
    assert.equal(pushSite(parseReference('ada/app'), await load(conf)).registry, 'docker.io');
  });
});

describe('candidateReferences()', () => {
  for (const [text, expected] of [
    ['short:2', ['quay.io/someone/long:2']],
    ['other:2', ['r.example/other:2', 'docker.io/library/other:2']],
    ['quay.io/x', ['quay.io/x']],
  ] as const) {
    test(`reads ${text}`, async () => {
      assert.deepEqual(candidateReferences(text, await load(conf)).map(formatReference), expected);
    });
  }

  test('means Docker Hub where nothing is configured', async () => {
    assert.deepEqual(candidateReferences('x:1', await load('')).map(formatReference), ['docker.io/library/x:1']);
  });
});

describe('loadRegistriesConf()', () => {
  test('merges drop-ins over the file', async () => {
    const home = folder.at('home');
    await mkdir(`${home}/.config/containers/registries.conf.d`, { recursive: true });
    await writeFile(
      `${home}/.config/containers/registries.conf`,
      'unqualified-search-registries = ["a.example"]\n[[registry]]\nlocation = "x.example"\n',
    );
    await writeFile(
      `${home}/.config/containers/registries.conf.d/1.conf`,
      '[aliases]\n"z9" = "q.example/z"\n[[registry]]\nlocation = "x.example"\nblocked = true\n',
    );
    const loaded = await loadRegistriesConf({ HOME: home });
    assert.equal(loaded.rules.find(({ prefix }) => prefix === 'x.example')?.isBlocked, true);
    assert.equal(loaded.aliases.get('z9'), 'q.example/z');
    assert.deepEqual(loaded.search, ['a.example']);
  });

  for (const [text, why] of [
    ['[registries.search]\nregistries = []', 'it is in the old version 1 format, with [registries.search]'],
    ['[[registry]]\nblocked = true', 'a [[registry]] has neither prefix nor location'],
    ['[[registry]]\nlocation = "https://x"', '"https://x" starts with a scheme; it should be host[:port][/path]'],
    ['[[registry]]\nlocation = "x"\ninsecure = "yes"', '"insecure" is neither true nor false'],
    ['[registry]', '"registry" is not an array of tables; write [[registry]]'],
    ['[aliases]\nx = ', 'line 2: invalid value'],
    ['[registry]\na = 1\na = 2', 'line 3: trying to redefine an already defined table or value'],
    ['aliases = 1979-05-27', '"aliases" is not a table'],
  ] as const) {
    test(`says what is wrong: ${why}`, async () => {
      await assert.rejects(load(text), {
        code: 'configuration',
        message: `Cannot read "${folder.at(`${count + 0}.conf`)}": ${why}`,
      });
    });
  }
});
