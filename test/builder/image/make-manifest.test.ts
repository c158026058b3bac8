import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeConfigBlob, makeIndex, makeManifest } from '../../../builder/image/make-manifest.ts';
import { layerTypeOf } from '../../../builder/image/media-types.ts';
import { validateImage } from '../../../builder/image/validate-image.ts';
import { digestOf } from '../../../registry/oci/digest.ts';
import type { ImageConfig } from '../../../registry/oci/image-config.ts';
import type { ImageManifest } from '../../../registry/oci/manifest.ts';
import { mediaType } from '../../../registry/oci/media-type.ts';

const digest = digestOf('x');
const config = { mediaType: mediaType.config, digest, size: 7 };
const layer = { mediaType: mediaType.dockerLayerGzip, digest, size: 9, annotations: { z: '1', a: '2' } };
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test('makeManifest() writes an OCI manifest', () => {
  const { descriptor, bytes } = makeManifest(config, [layer], { format: 'oci', annotations: { b: '2', a: '1' } });
  assert.equal(
    decode(bytes),
    `{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": "${digest}",
    "size": 7
  },
  "layers": [
    {
      "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
      "digest": "${digest}",
      "size": 9,
      "annotations": {
        "a": "2",
        "z": "1"
      }
    }
  ],
  "annotations": {
    "a": "1",
    "b": "2"
  }
}`,
  );
  assert.deepEqual(descriptor, { mediaType: mediaType.manifest, digest: digestOf(bytes), size: bytes.byteLength });
});

test('makeManifest() writes a Docker manifest without annotations', () => {
  const { descriptor, bytes } = makeManifest(config, [{ ...layer, mediaType: mediaType.layerGzip }], {
    format: 'docker',
    annotations: { a: '1' },
  });
  assert.deepEqual(JSON.parse(decode(bytes)), {
    schemaVersion: 2,
    mediaType: mediaType.dockerManifest,
    config: { mediaType: mediaType.dockerConfig, digest, size: 7 },
    layers: [{ mediaType: mediaType.dockerLayerGzip, digest, size: 9 }],
  });
  assert.equal(descriptor.mediaType, mediaType.dockerManifest);
});

test('makeManifest() of an image without layers has an empty list', () => {
  assert.match(decode(makeManifest(config, [], { format: 'oci' }).bytes), /"layers": \[\]/);
});

test('makeIndex() lists the manifests with their platforms', () => {
  const manifest = { mediaType: mediaType.manifest, digest, size: 3 };
  const arm = { os: 'linux', architecture: 'arm', variant: 'v7', 'os.version': '1' };
  const { descriptor, bytes } = makeIndex([{ descriptor: manifest, platform: arm }], { format: 'oci' });
  assert.equal(
    decode(bytes),
    `{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.index.v1+json",
  "manifests": [
    {
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "digest": "${digest}",
      "size": 3,
      "platform": {
        "architecture": "arm",
        "os": "linux",
        "os.version": "1",
        "variant": "v7"
      }
    }
  ]
}`,
  );
  assert.equal(descriptor.mediaType, mediaType.index);
  assert.equal(makeIndex([], { format: 'docker' }).descriptor.mediaType, mediaType.dockerList);
});

const types: readonly (readonly [string, string])[] = [
  [mediaType.layer, mediaType.dockerLayer],
  [mediaType.layerGzip, mediaType.dockerLayerGzip],
  [mediaType.layerZstd, 'application/vnd.docker.image.rootfs.diff.tar.zstd'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'],
];

for (const [oci, docker] of types) {
  test(`layerTypeOf() ${oci}`, () => {
    assert.deepEqual(
      [oci, docker].flatMap((type) => [layerTypeOf(type, 'oci'), layerTypeOf(type, 'docker')]),
      [oci, docker, oci, docker],
    );
  });
}

test('layerTypeOf() refuses what is no layer', () => {
  assert.throws(() => layerTypeOf(mediaType.config, 'oci'), /is not the media type of a layer/);
});

const image: ImageConfig = {
  os: 'linux',
  architecture: 'amd64',
  rootfs: { type: 'layers', diff_ids: [digest] },
  history: [{ created_by: 'a' }, { created_by: 'b', empty_layer: true }],
};
const manifest: ImageManifest = {
  schemaVersion: 2,
  mediaType: mediaType.manifest,
  config,
  layers: [{ mediaType: mediaType.layerGzip, digest, size: 1 }],
};

const wrong: readonly (readonly [what: string, config: Partial<ImageConfig>, manifest: Partial<ImageManifest>, why: RegExp])[] = [
  ['more layers than diff_ids', {}, { layers: [...manifest.layers, ...manifest.layers] }, /2 layers, 1 diff_ids/],
  ['history of too many layers', { history: [{}, {}] }, {}, /2 history entries with a layer, 1 diff_ids/],
  ['no history', { history: [] }, {}, /0 history entries with a layer, 1 diff_ids/],
  ['no platform', { os: '' }, {}, /names no platform/],
  ['a manifest of no type', {}, { mediaType: 'x' }, /media type "x"/],
  [
    'the configuration of the other family',
    {},
    { config: { ...config, mediaType: mediaType.dockerConfig } },
    /the configuration/,
  ],
  ['a layer of the other family', {}, { layers: [layer] }, /a layer has the media type/],
  ['a layer without a size', {}, { layers: [{ mediaType: mediaType.layer, digest, size: -1 }] }, /a layer has the size -1/],
];

for (const [what, configPart, manifestPart, why] of wrong) {
  test(`validateImage() refuses ${what}`, () => {
    assert.throws(() => validateImage({ ...image, ...configPart }, { ...manifest, ...manifestPart }), why);
  });
}

test('validateImage() takes what agrees, in both formats', () => {
  validateImage(image, manifest);
  const docker = JSON.parse(decode(makeManifest(config, manifest.layers, { format: 'docker' }).bytes));
  validateImage(image, docker);
});

test('makeConfigBlob() names the configuration by its bytes', () => {
  const { descriptor, bytes } = makeConfigBlob(image, 'docker');
  assert.deepEqual(descriptor, { mediaType: mediaType.dockerConfig, digest: digestOf(bytes), size: bytes.byteLength });
});
