import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { blobPath, layerTar, type WrittenImage, writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');

async function damaged(
  damage: (path: string) => Promise<void> | void,
): Promise<{ readonly box: Sandbox; readonly image: WrittenImage }> {
  const box = sandbox();
  const image = await writeBusyboxLayout(box.at('base'));
  await damage(blobPath(box.at('base'), image.layerDigests[0] ?? ''));
  box.file('c/Containerfile', 'FROM base\nRUN true\n');
  return { box, image };
}

/** What the store holds of blobs and snapshots. */
function kept(box: Sandbox): readonly string[] {
  return ['blobs/sha256', 'snapshots'].flatMap((folder) => {
    try {
      return readdirSync(`${box.store}/${folder}`).map((name) => `${folder}/${name}`);
    } catch {
      return [];
    }
  });
}

test('a truncated layer is named, and nothing of it is kept', needs, async () => {
  const { box, image } = await damaged((path) => truncateSync(path, 100_000));
  using _ = box;
  await box
    .tsbuild('--build-context', 'base=oci-layout://base', 'c')
    .fails({ exit: 4, stderr: new RegExp(image.layerDigests[0] ?? 'none') });
  assert.deepEqual(
    kept(box).filter(
      (path) => path.includes((image.layerDigests[0] ?? '').slice(7)) || path.includes((image.diffIds[0] ?? '').slice(7)),
    ),
    [],
  );
});

test('a tampered layer is named with both digests, and nothing of it is kept', needs, async () => {
  const { box, image } = await damaged((path) => {
    const bytes = readFileSync(path);
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  });
  using _ = box;
  await box
    .tsbuild('--build-context', 'base=oci-layout://base', 'c')
    .fails({ exit: 4, stderr: [new RegExp(image.layerDigests[0] ?? 'none'), /sha256:[0-9a-f]{64}[\s\S]*sha256:[0-9a-f]{64}/] });
  assert.deepEqual(
    kept(box).filter((path) => path.includes((image.layerDigests[0] ?? '').slice(7))),
    [],
  );
});

test('a layer that is not what the configuration says is refused', needs, async () => {
  using box = sandbox();
  // The blob is right by its own digest, but its tar is another one than rootfs.diff_ids names.
  const image = await writeBusyboxLayout(box.at('base'));
  const other = gzipSync(await layerTar([{ name: 'evil', content: 'x' }]));
  const { digestOf } = await import('../support/images.ts');
  const manifestPath = blobPath(box.at('base'), image.manifestDigest);
  const manifest: { layers: { digest: string; size: number }[] } = JSON.parse(readFileSync(manifestPath, 'utf8'));
  const [layer] = manifest.layers;
  if (layer === undefined) throw new Error('no layer');
  Object.assign(layer, { digest: digestOf(other), size: other.length });
  const text = JSON.stringify(manifest);
  writeFileSync(blobPath(box.at('base'), digestOf(other)), other);
  writeFileSync(blobPath(box.at('base'), digestOf(text)), text);
  writeFileSync(
    box.at('base/index.json'),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digestOf(text), size: text.length }],
    }),
  );
  box.file('c/Containerfile', 'FROM base\nRUN true\n');
  await box
    .tsbuild('--build-context', 'base=oci-layout://base', 'c')
    .fails({ exit: 4, stderr: new RegExp(image.diffIds[0] ?? 'none') });
});

test('a store that met a damaged layer still works', needs, async () => {
  const { box } = await damaged((path) => truncateSync(path, 100_000));
  using _ = box;
  await box.tsbuild('--build-context', 'base=oci-layout://base', 'c').fails({ exit: 4 });
  await writeBusyboxLayout(box.at('good'));
  await box.tsbuild('--build-context', 'base=oci-layout://good', 'c').succeeds();
});
