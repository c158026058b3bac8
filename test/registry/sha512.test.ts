import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RegistryClient } from '../../registry/distribution/client.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { digestLike, parseDigest } from '../../registry/oci/digest.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { pushIndex } from '../../registry/push.ts';
import { resolveImage } from '../../registry/resolve-image.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import { json, testImage, testIndex } from '../support/registry-image.ts';

test('names of sha512 are kept and checked, from a push to the pull of it', async () => {
  await using registry = await FakeRegistry.start();
  const environment = { CONTAINERS_REGISTRIES_CONF: '/nonexistent', HOME: '/nonexistent' };
  await using client = new RegistryClient({ environment });
  const named = (bytes: Uint8Array, type: string): Descriptor => ({
    mediaType: type,
    digest: digestLike(parseDigest(`sha512:${'0'.repeat(128)}`), bytes),
    size: bytes.byteLength,
  });
  const { config, layers } = testImage({ layerSizes: [30_000] });
  const descriptors = layers.map((bytes) => named(bytes, mediaType.layerGzip));
  const configDescriptor = named(config, mediaType.config);
  const manifestBytes = json({ schemaVersion: 2, mediaType: mediaType.manifest, config: configDescriptor, layers: descriptors });
  const entry = named(manifestBytes, mediaType.manifest);
  const image = {
    manifestBytes,
    digest: entry.digest,
    mediaType: mediaType.manifest,
    configBytes: config,
    layers: layers.map((bytes, index) => ({ descriptor: descriptors[index] ?? entry, open: () => single(bytes) })),
  };
  const index = testIndex([{ ...entry, platform: { os: 'linux', architecture: 'amd64' } }]);
  const pushed = { indexBytes: index.bytes, mediaType: index.type, images: [image] };
  await pushIndex(`${registry.host}/long:1`, pushed, { client });
  const options = { client, platform: { os: 'linux', architecture: 'amd64' } };
  for (const name of ['long:1', `long@${entry.digest}`]) {
    const found = await resolveImage(`${registry.host}/${name}`, options);
    assert.equal(found.descriptor.digest, entry.digest);
    assert.deepEqual(found.manifest.layers, descriptors);
  }
  registry.fail({ path: /manifests.sha512/, fault: { kind: 'tamper' } });
  await assert.rejects(resolveImage(`${registry.host}/long@${entry.digest}`, options), { code: 'digest-mismatch' });
});

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
