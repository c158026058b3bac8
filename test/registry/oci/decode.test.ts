import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { decodeImageConfig, decodeIndex, decodeManifest, decodeManifestDocument } from '../../../registry/oci/decode.ts';
import { DocumentError } from '../../../registry/oci/json.ts';
import { layerFormatOf } from '../../../registry/oci/layer-format.ts';
import { mediaType } from '../../../registry/oci/media-type.ts';
import { json } from '../../support/registry-image.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const descriptor = { mediaType: mediaType.layerGzip, digest, size: 1 };
const manifest = { schemaVersion: 2, config: descriptor, layers: [descriptor] };

describe('decodeManifest()', () => {
  test('keeps unknown fields, drops null, fills in the media type', () => {
    const decoded = decodeManifest(json({ ...manifest, annotations: null, 'x-unknown': { deep: [1] } }));
    assert.deepEqual(decoded, { ...manifest, mediaType: mediaType.manifest, 'x-unknown': { deep: [1] } });
  });

  for (const [what, document, why] of [
    ['a list', [], 'the document is not an object'],
    ['another version', { ...manifest, schemaVersion: 3 }, 'schemaVersion is not 2'],
    [
      'schema 1',
      { schemaVersion: 1 },
      'it is in the old Docker format "schema 1", which is not supported; push the image again with a newer tool',
    ],
    ['both kinds', { ...manifest, manifests: [] }, 'it is both a manifest and an index'],
    ['no configuration', { ...manifest, config: undefined }, 'config is not an object'],
    ['layers that are none', { ...manifest, layers: 'x' }, 'layers is not an array'],
    [
      'a bad digest',
      { ...manifest, layers: [descriptor, { ...descriptor, digest: 'sha256:x' }] },
      'layers[1].digest is not a digest',
    ],
    [
      'another kind of digest',
      { ...manifest, config: { ...descriptor, digest: 'blake3:abc' } },
      'config.digest is of kind "blake3", which is not supported',
    ],
    ['a negative size', { ...manifest, layers: [{ ...descriptor, size: -1 }] }, 'layers[0].size is not a number of bytes'],
    ['a size that is text', { ...manifest, layers: [{ ...descriptor, size: '1' }] }, 'layers[0].size is not a number of bytes'],
    ['odd annotations', { ...manifest, annotations: { a: 1 } }, 'annotations["a"] is not a string'],
    [
      'another type',
      { ...manifest, mediaType: 'text/plain' },
      'mediaType "text/plain" is that of neither a manifest nor an index',
    ],
  ] as const) {
    test(`refuses ${what}`, () => assert.throws(() => decodeManifest(json(document)), { name: 'DocumentError', message: why }));
  }

  test('refuses what is not JSON in UTF-8', () => {
    for (const bytes of [Buffer.from('{'), Buffer.from([0x7b, 0xff, 0x7d]), Buffer.from('['.repeat(100_000))]) {
      assert.throws(() => decodeManifest(bytes), { name: 'DocumentError' });
    }
  });
});

describe('decodeIndex()', () => {
  test('reads nested platforms and an empty list', () => {
    const entry = {
      ...descriptor,
      mediaType: mediaType.manifest,
      platform: { os: 'linux', architecture: 'arm', variant: 'v7', 'os.features': ['x'] },
    };
    assert.deepEqual(decodeIndex(json({ schemaVersion: 2, manifests: [entry] })).manifests, [entry]);
    assert.deepEqual(decodeIndex(json({ schemaVersion: 2, manifests: null })).manifests, []);
  });

  test('goes by the declared type only where the document is silent', () => {
    assert.equal(decodeManifestDocument(json({ schemaVersion: 2, manifests: [] }), undefined).kind, 'index');
    assert.equal(
      decodeManifestDocument(json({ schemaVersion: 2, mediaType: mediaType.dockerList, manifests: [] }), mediaType.manifest).kind,
      'index',
    );
  });
});

describe('decodeImageConfig()', () => {
  const config = { architecture: 'arm64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digest] } };

  test('keeps all fields of Docker and unknown ones', () => {
    const full = {
      ...config,
      config: {
        Env: ['A=1'],
        Cmd: null,
        Healthcheck: { Test: ['CMD', 'x'], Interval: 30_000_000_000 },
        OnBuild: ['RUN x'],
        Shell: ['/bin/sh'],
        ExposedPorts: { '80/tcp': {} },
        Mystery: 1,
      },
      history: [{ created_by: 'x', empty_layer: true }, { created: '2020-01-01T00:00:00Z' }],
      docker_version: '1',
    };
    const { Cmd: _, ...kept } = full.config;
    assert.deepEqual(decodeImageConfig(json(full)), { ...full, config: kept });
  });

  for (const [what, document, why] of [
    ['no layers', { ...config, rootfs: undefined }, 'rootfs is not an object'],
    [
      'a diff id of another kind',
      { ...config, rootfs: { type: 'layers', diff_ids: [`sha512:${'a'.repeat(128)}`] } },
      'rootfs.diff_ids[0] is of kind "sha512", which only blobs may have',
    ],
    ['a bad diff id', { ...config, rootfs: { type: 'layers', diff_ids: ['x'] } }, 'rootfs.diff_ids[0] is not a digest'],
    ['an environment that is none', { ...config, config: { Env: { A: '1' } } }, 'config.Env is not an array'],
    ['history without layers', { ...config, history: [{}, {}] }, 'history has 2 entries with a layer, rootfs.diff_ids 1'],
    ['a label that is a number', { ...config, config: { Labels: { a: 1 } } }, 'config.Labels["a"] is not a string'],
  ] as const) {
    test(`refuses ${what}`, () =>
      assert.throws(() => decodeImageConfig(json(document)), { name: 'DocumentError', message: why }));
  }
});

test('decoders throw nothing but DocumentError, whatever they are given', () => {
  const keys = fc.constantFrom(
    'schemaVersion',
    'mediaType',
    'config',
    'layers',
    'manifests',
    'rootfs',
    'history',
    'platform',
    'digest',
    '__proto__',
    'annotations',
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(fc.constantFrom(2, digest, null, true, mediaType.index), fc.array(tie('any'), { maxLength: 3 }), tie('object')),
    object: fc.dictionary(keys, tie('any'), { maxKeys: 5 }),
  }));
  fc.assert(
    fc.property(value.object, (document) => {
      for (const decode of [decodeManifestDocument, decodeImageConfig]) {
        try {
          decode(json(document), undefined);
        } catch (error) {
          assert.ok(error instanceof DocumentError, String(error));
        }
      }
    }),
  );
});

test('layerFormatOf() knows compression and foreign layers', () => {
  assert.deepEqual(layerFormatOf(mediaType.layerZstd), { compression: 'zstd', isForeign: false });
  assert.deepEqual(layerFormatOf(mediaType.dockerLayerGzip), { compression: 'gzip', isForeign: false });
  assert.deepEqual(layerFormatOf('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'), {
    compression: 'gzip',
    isForeign: true,
  });
  for (const type of ['constructor', mediaType.config, '']) assert.equal(layerFormatOf(type), undefined);
});
