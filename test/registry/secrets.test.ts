import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { RegistryClient } from '../../registry/distribution/client.ts';
import { type PushImage, pushImage } from '../../registry/push.ts';
import { resolveImage } from '../../registry/resolve-image.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import type { Fault } from '../support/faulty-call.ts';
import { collect, testImage } from '../support/registry-image.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder('secrets');
after(() => folder[Symbol.dispose]());

const password = 'correct-horse-battery';
const user = { username: 'ada', password } as const;
const image = testImage({ layerSizes: [50_000] });

const parts: PushImage = {
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

const echo = `you sent Authorization: Basic ${Buffer.from(`ada:${password}`).toString('base64')} to https://ada:${password}@r.example/?sig=${password}`;
const faults: readonly Fault[] = [
  { kind: 'reset' },
  { kind: 'cut', atByte: 10 },
  { kind: 'cut-upload', atByte: 1000 },
  { kind: 'tamper' },
  { kind: 'reply', status: 401 },
  { kind: 'reply', status: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message: echo }] }) },
  { kind: 'reply', status: 400, body: echo },
  { kind: 'reply', status: 500, headers: { 'retry-after': '0' } },
  { kind: 'reply', status: 307, headers: { location: `https://ada:${password}@127.0.0.1:1/x?sig=${password}` } },
  { kind: 'reply', status: 307, headers: { location: `ftp://ada:${password}@127.0.0.1:1/x?sig=${password}` } },
  { kind: 'reply', status: 200, headers: { warning: `299 - "see https://x.example/?sig=${password}"` }, body: 'x' },
];

for (const scheme of ['basic', 'bearer'] as const) {
  test(`no error and no notice holds a credential: ${scheme}`, async () => {
    await using registry = await FakeRegistry.start({ auth: { scheme, ...user } });
    const authFile = folder.at(`${scheme}.json`);
    await writeFile(authFile, JSON.stringify({ auths: { [registry.host]: user } }));
    const said: string[] = [];
    const paths = scheme === 'basic' ? [/v2\/./] : [/token/, /manifests/, /blobs\/sha/, /uploads/];
    const trials = paths.flatMap((path) => faults.map((fault) => ({ path, fault })));
    for (const { path, fault } of trials) {
      await using client = new RegistryClient({
        environment: { CONTAINERS_REGISTRIES_CONF: '/nonexistent', HOME: '/nonexistent' },
        authFile,
        limits: { backoffMs: 1, attempts: 2 },
        onNotice: (text) => said.push(text),
      });
      const attempt = async (): Promise<void> => {
        await pushImage(`${registry.host}/app:1`, parts, { client });
        const source = await resolveImage(`${registry.host}/app:1`, { client, platform: { os: 'linux', architecture: 'amd64' } });
        const [layer] = source.manifest.layers;
        if (layer !== undefined) await collect((await source.blobs.open(layer, {})).bytes);
      };
      registry.fail({ path, fault });
      // Whether it fails is the business of other tests; here it counts what is said.
      await attempt().catch((error: unknown) =>
        said.push(inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error)),
      );
      registry.heal();
    }
    assert.ok(said.length > 10, `${said.length} things were said`);
    const secrets = [password, Buffer.from(`ada:${password}`).toString('base64'), 'secret-state', ...registry.tokens.keys()];
    for (const secret of secrets) {
      const leak = said.find((text) => text.includes(secret));
      assert.equal(leak, undefined, `${secret} is in: ${leak}`);
    }
    assert.match(await readFile(authFile, 'utf8'), new RegExp(password), 'the file itself is as it was');
  });
}
