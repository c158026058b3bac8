import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { openDockerArchive, openOciArchive, openOciLayout } from '../../registry/local-image.ts';
import { digestOf, hexOf } from '../../registry/oci/digest.ts';
import type { SourceImage } from '../../registry/oci/image-source.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { collect, json, type TestImage, testImage, testIndex } from '../support/registry-image.ts';
import { requires } from '../support/requires.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const folder = temporaryFolder('local-image');
const platform = { os: 'linux', architecture: 'amd64' };
const image = testImage({ platform });
const other = testImage({ platform: { os: 'linux', architecture: 'arm64' } });

after(() => folder[Symbol.dispose]());

interface Named {
  readonly image: TestImage;
  readonly name?: string;
}

/** Writes an OCI layout and returns its path. */
async function layout(name: string, entries: readonly Named[]): Promise<string> {
  const path = folder.at(name);
  await mkdir(`${path}/blobs/sha256`, { recursive: true });
  await writeFile(`${path}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  const descriptors = entries.map(({ image: { descriptor }, name: tag }) =>
    tag === undefined ? descriptor : { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } },
  );
  await writeFile(`${path}/index.json`, testIndex(descriptors).bytes);
  for (const { image: one } of entries) {
    for (const blob of [one.manifest.bytes, one.config, ...one.layers]) {
      await writeFile(`${path}/blobs/sha256/${hexOf(digestOf(blob))}`, blob);
    }
  }
  return path;
}

function blobName(digest: string): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

async function layersOf(source: SourceImage): Promise<readonly Buffer[]> {
  const streams = source.manifest.layers.map(async (layer) => collect((await source.blobs.open(layer, {})).bytes));
  return Promise.all(streams);
}

describe('openOciLayout()', () => {
  test('opens the only image, and one by name or digest', async () => {
    const path = await layout('one', [{ image, name: 'v1' }]);
    for (const location of [path, `${path}:v1`, `${path}@${image.descriptor.digest}`, `${path}:v1@${image.descriptor.digest}`]) {
      const source = await openOciLayout(location, { platform });
      assert.equal(source.descriptor.digest, image.descriptor.digest);
      assert.equal(source.reference, `oci-layout:${path}@${image.descriptor.digest}`);
      assert.deepEqual(await layersOf(source), image.layers);
    }
  });

  test('reads a layer from an offset on', async () => {
    const source = await openOciLayout(await layout('offset', [{ image }]), { platform });
    const layer = source.manifest.layers[1];
    assert.ok(layer);
    const { bytes, offset } = await source.blobs.open(layer, { offset: 1234 });
    assert.equal(offset, 1234);
    assert.deepEqual(await collect(bytes), image.layers[1]?.subarray(1234));
  });

  test('chooses the platform', async () => {
    const path = await layout('two', [{ image: other }, { image }]);
    assert.equal((await openOciLayout(path, { platform })).descriptor.digest, image.descriptor.digest);
    await assert.rejects(openOciLayout(path, { platform: { os: 'linux', architecture: 'riscv64' } }), {
      code: 'platform-unknown',
      message: `Cannot read oci-layout:${path} for linux/riscv64: it is there for linux/arm64, linux/amd64`,
    });
  });

  test('says what is wrong', async () => {
    const path = await layout('wrong', [
      { image: testImage(), name: 'a' },
      { image: testImage(), name: 'b' },
    ]);
    await assert.rejects(openOciLayout(path, { platform }), {
      message: `Cannot read oci-layout:${path}: it holds several images: a, b`,
    });
    await assert.rejects(openOciLayout(`${path}:c`, { platform }), {
      message: `Cannot read oci-layout:${path}: it has no image "c", it has a, b`,
    });
    await assert.rejects(openOciLayout(folder.at('none'), { platform }), { code: 'archive' });
    await assert.rejects(openOciLayout(folder.path, { platform }), {
      message: `Cannot read oci-layout:${folder.path}: it is not an OCI layout, it has no file "index.json"`,
    });
  });

  test('names blobs that are damaged or missing', async () => {
    const path = await layout('damaged', [{ image }]);
    const manifest = `${path}/blobs/sha256/${hexOf(image.descriptor.digest)}`;
    await writeFile(manifest, Buffer.from(image.manifest.bytes).fill(32, 0, 1));
    await assert.rejects(openOciLayout(path, { platform }), { code: 'digest-mismatch' });
    await writeFile(`${path}/index.json`, testIndex([other.descriptor]).bytes);
    await assert.rejects(openOciLayout(path, { platform }), {
      code: 'blob-unknown',
      message: `Cannot read oci-layout:${path}: blob ${other.descriptor.digest} is missing`,
    });
  });
});

describe('openOciArchive()', () => {
  test('opens plain and gzip archives, whatever made them', async () => {
    const path = await layout('archive', [{ image, name: 'v1' }]);
    await run('tar', ['-cf', folder.at('plain.tar'), '-C', path, '.']);
    await run('tar', ['-czf', folder.at('packed.tar.gz'), '-C', path, 'blobs', 'index.json', 'oci-layout']);
    for (const name of ['plain.tar:v1', 'packed.tar.gz:v1', 'plain.tar']) {
      const source = await openOciArchive(folder.at(name), { platform });
      assert.equal(source.descriptor.digest, image.descriptor.digest);
      assert.deepEqual(await layersOf(source), image.layers);
      const layer = source.manifest.layers[1];
      assert.ok(layer);
      assert.deepEqual(await collect((await source.blobs.open(layer, { offset: 99 })).bytes), image.layers[1]?.subarray(99));
    }
  });

  test('refuses archives that are cut off or none', async () => {
    const path = await layout('cut', [{ image }]);
    await run('tar', ['-cf', folder.at('whole.tar'), '-C', path, 'index.json', 'oci-layout', 'blobs']);
    const bytes = await readFile(folder.at('whole.tar'));
    await writeFile(folder.at('cut.tar'), bytes.subarray(0, bytes.length - 60_000));
    await assert.rejects(openOciArchive(folder.at('cut.tar'), { platform }), { code: 'archive' });
    await writeFile(folder.at('cut.tar.gz'), gzipSync(bytes).subarray(0, 30_000));
    await assert.rejects(openOciArchive(folder.at('cut.tar.gz'), { platform }), { code: 'archive' });
    await writeFile(folder.at('text.tar'), 'hello, this is no archive at all'.repeat(40));
    await assert.rejects(openOciArchive(folder.at('text.tar'), { platform }), { code: 'archive' });
  });

  test('opens what skopeo writes', requires('tool:skopeo'), async () => {
    const path = await layout('skopeo', [{ image, name: 'v1' }]);
    await run('skopeo', ['copy', '-q', '--insecure-policy', `oci:${path}:v1`, `oci-archive:${folder.at('skopeo.tar')}:there`]);
    const source = await openOciArchive(folder.at('skopeo.tar:there'), { platform });
    assert.deepEqual(await layersOf(source), image.layers);
  });
});

describe('openDockerArchive()', () => {
  const tars = [Buffer.from('first layer'), Buffer.alloc(2000, 'second')];
  const config = json({
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['sh'], Volumes: null },
    rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
  });

  /** Writes the archive of old `docker save`, in which the second layer is a link to where it lies. */
  async function oldArchive(name: string, manifest: unknown): Promise<string> {
    const work = folder.at(`${name}.d`);
    await mkdir(`${work}/one`, { recursive: true });
    await mkdir(`${work}/two`, { recursive: true });
    await writeFile(`${work}/config.json`, config);
    await writeFile(`${work}/one/layer.tar`, tars[0] ?? '');
    await writeFile(`${work}/second.tar`, tars[1] ?? '');
    await run('ln', ['-s', '../second.tar', `${work}/two/layer.tar`]);
    await writeFile(`${work}/manifest.json`, json(manifest));
    await run('tar', ['-cf', folder.at(name), '-C', work, '.']);
    return folder.at(name);
  }

  const entry = {
    Config: 'config.json',
    RepoTags: ['app:1', 'docker.io/library/app:2'],
    Layers: ['one/layer.tar', 'two/layer.tar'],
  };

  test('makes a manifest of the old format, by diff ids and through links', async () => {
    const path = await oldArchive('old.tar', [entry]);
    for (const location of [path, `${path}:app:1`, `${path}:app:2`, `${path}:docker.io/library/app:1`, `${path}:@0`]) {
      const source = await openDockerArchive(location, { platform });
      assert.deepEqual(
        source.manifest.layers.map(({ mediaType: type, digest, size }) => ({ type, digest, size })),
        tars.map((tar) => ({ type: mediaType.dockerLayer, digest: digestOf(tar), size: tar.length })),
      );
      assert.deepEqual(await layersOf(source), tars);
      assert.deepEqual(source.config.config, { Cmd: ['sh'] });
      assert.equal(source.descriptor.digest, digestOf(source.manifestBytes));
    }
  });

  test('asks which one when there are several', async () => {
    const path = await oldArchive('several.tar', [entry, { ...entry, RepoTags: ['other:1'] }]);
    await assert.rejects(openDockerArchive(path, { platform }), {
      message: `Cannot read docker-archive:${path}: it holds several images: app:1, other:1`,
    });
    await assert.rejects(openDockerArchive(`${path}:nope`, { platform }), {
      message: `Cannot read docker-archive:${path}: it has no image "nope", it has app:1, other:1`,
    });
    assert.ok(await openDockerArchive(`${path}:other:1`, { platform }));
  });

  test('refuses what does not fit together', async () => {
    const path = await oldArchive('unfit.tar', [{ ...entry, Layers: ['one/layer.tar'] }]);
    await assert.rejects(openDockerArchive(path, { platform }), {
      code: 'content-invalid',
      message: `Cannot read docker-archive:${path}: manifest.json names 1 layers, the configuration 2`,
    });
    const outside = await oldArchive('outside.tar', [{ ...entry, Layers: ['one/layer.tar', '../../../etc/passwd'] }]);
    await assert.rejects(openDockerArchive(outside, { platform }), { code: 'archive' });
    const wrong = await oldArchive('types.tar', [{ ...entry, Layers: 'one' }]);
    await assert.rejects(openDockerArchive(wrong, { platform }), {
      message: `Cannot read manifest.json of docker-archive:${wrong}: the document[0].Layers is not an array`,
    });
  });

  test('opens what skopeo writes', requires('tool:skopeo'), async () => {
    const path = await layout('for-docker', [{ image, name: 'v1' }]);
    const archive = folder.at('skopeo-docker.tar');
    await run('skopeo', ['copy', '-q', '--insecure-policy', `oci:${path}:v1`, `docker-archive:${archive}:app:1`]);
    const source = await openDockerArchive(`${archive}:app:1`, { platform });
    assert.deepEqual((await layersOf(source)).map(digestOf), source.config.rootfs.diff_ids);
  });

  test('takes the own manifest of an archive that is a layout too', async () => {
    const path = await layout('hybrid', [{ image, name: 'v1' }]);
    const layers = image.layerDescriptors.map(({ digest }) => blobName(digest));
    await writeFile(
      `${path}/manifest.json`,
      json([{ Config: blobName(digestOf(image.config)), RepoTags: ['app:1'], Layers: layers }]),
    );
    await run('tar', ['-cf', folder.at('hybrid.tar'), '-C', path, '.']);
    const source = await openDockerArchive(folder.at('hybrid.tar'), { platform });
    assert.equal(source.descriptor.digest, image.descriptor.digest);
    assert.deepEqual(await layersOf(source), image.layers);
    await run('tar', ['-cf', folder.at('no-index.tar'), '-C', path, 'blobs', 'manifest.json']);
    const made = await openDockerArchive(folder.at('no-index.tar'), { platform });
    assert.deepEqual(
      made.manifest.layers.map(({ digest }) => digest),
      image.layerDescriptors.map(({ digest }) => digest),
    );
    assert.deepEqual(await layersOf(made), image.layers);
  });
});
