import assert from 'node:assert/strict';
import { createReadStream, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { extract } from 'tar-stream';
import { exportImage } from '../../../builder/export/export-image.ts';
import { digestOf, hexOf } from '../../../registry/oci/digest.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { builtImage, twoPlatforms } from './built-images.ts';

const oci = (destination: string) => ({ kind: 'oci', destination, isArchive: true }) as const;
const layout = (destination: string) => ({ kind: 'oci', destination, isArchive: false }) as const;
const docker = (destination: string) => ({ kind: 'docker', destination }) as const;

async function entriesOf(path: string): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  for await (const entry of createReadStream(path).pipe(extract())) {
    entries.set(entry.header.name, await text(entry));
  }
  return entries;
}

test('exportImage() writes an OCI archive with one index entry for each name', async () => {
  using folder = temporaryFolder();
  const image = builtImage(folder, ['docker.io/library/a:1', 'localhost:5000/b:latest']);
  await exportImage(image, oci(folder.at('out.tar')));
  const entries = await entriesOf(folder.at('out.tar'));
  const blobs = [image.manifestBytes, image.configBytes, 'first layer', 'second layer'].map(
    (content) => `blobs/sha256/${hexOf(digestOf(content))}`,
  );
  assert.deepEqual([...entries.keys()], ['blobs/', 'blobs/sha256/', ...blobs.toSorted(), 'index.json', 'oci-layout']);
  assert.equal(entries.get('oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  assert.equal(entries.get(`blobs/sha256/${hexOf(digestOf('second layer'))}`), 'second layer');
  const annotations = (name: string, tag: string): object => ({
    ...image.descriptor,
    annotations: {
      'io.containerd.image.name': name,
      'org.opencontainers.image.created': '1980-01-02T00:00:00Z',
      'org.opencontainers.image.ref.name': tag,
    },
  });
  assert.deepEqual(JSON.parse(entries.get('index.json') ?? ''), {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [annotations('docker.io/library/a:1', '1'), annotations('localhost:5000/b:latest', 'latest')],
  });
});

test('exportImage() writes an archive that docker and OCI tools read', async () => {
  using folder = temporaryFolder();
  const image = builtImage(folder, ['docker.io/library/a:1']);
  await exportImage(image, docker(folder.at('out.tar')));
  const entries = await entriesOf(folder.at('out.tar'));
  const blob = (content: string | Uint8Array): string => `blobs/sha256/${hexOf(digestOf(content))}`;
  assert.deepEqual(JSON.parse(entries.get('manifest.json') ?? ''), [
    { Config: blob(image.configBytes), RepoTags: ['docker.io/library/a:1'], Layers: [blob('first layer'), blob('second layer')] },
  ]);
  assert.ok(entries.has('index.json') && entries.has('oci-layout'));
});

test('exportImage() gives the same bytes for the same image, to a file and to standard output', async () => {
  using folder = temporaryFolder();
  const image = builtImage(folder, ['x:1']);
  await exportImage(image, oci(folder.at('a.tar')));
  const stdout = new PassThrough();
  const piped = stdout.toArray();
  await exportImage(image, oci('-'), { stdout });
  stdout.end();
  assert.deepEqual(Buffer.concat(await piped), readFileSync(folder.at('a.tar')));
});

test('exportImage() refuses a docker archive of several platforms, and writes them as an OCI archive', async () => {
  using folder = temporaryFolder();
  await assert.rejects(exportImage(twoPlatforms(folder), docker(folder.at('d.tar'))), /several platforms with type=docker/);
  await exportImage(twoPlatforms(folder), oci(folder.at('o.tar')));
  assert.equal((await entriesOf(folder.at('o.tar'))).size, 9);
});

test('exportImage() adds to an image layout and takes over its names', async () => {
  using folder = temporaryFolder();
  const first = builtImage(folder, ['x:1', 'x:2']);
  await exportImage(first, layout(folder.at('dir')));
  await exportImage(twoPlatforms(folder), layout(folder.at('dir')));
  const index: { manifests: { mediaType: string; annotations: Record<string, string> }[] } = JSON.parse(
    readFileSync(folder.at('dir/index.json'), 'utf8'),
  );
  assert.deepEqual(
    index.manifests.map((entry) => [entry.annotations['io.containerd.image.name'], entry.mediaType]),
    [
      ['x:2', 'application/vnd.oci.image.manifest.v1+json'],
      ['x:1', 'application/vnd.oci.image.index.v1+json'],
    ],
  );
  assert.equal(readdirSync(folder.at('dir/blobs/sha256')).length, 5);
});

test('exportImage() refuses destinations that hold something else', async () => {
  using folder = temporaryFolder();
  const image = builtImage(folder);
  mkdirSync(folder.at('full/sub'), { recursive: true });
  await assert.rejects(exportImage(image, layout(folder.at('full'))), /the folder holds other files/);
  await assert.rejects(exportImage(image, oci(folder.at('full'))), /it is a folder/);
  await assert.rejects(exportImage(image, layout(folder.at('first-layer'))), /it is a file/);
  const terminal = Object.assign(new PassThrough(), { isTTY: true });
  await assert.rejects(exportImage(image, oci('-'), { stdout: terminal }), /Cannot write an archive to the terminal/);
});

for (const [title, output] of [
  ['archive', oci],
  ['folder', layout],
] as const) {
  test(`exportImage() leaves no ${title} behind when a blob cannot be read`, async () => {
    using folder = temporaryFolder();
    const image = builtImage(folder, ['x:1']);
    rmSync(folder.at('second-layer'));
    mkdirSync(folder.at('out'));
    await assert.rejects(exportImage(image, output(folder.at('out/image'))), { name: 'OutputError' });
    assert.deepEqual(readdirSync(folder.at('out')), []);
  });

  test(`exportImage() leaves no ${title} behind when it is aborted`, async () => {
    using folder = temporaryFolder();
    const reason = new Error('enough');
    mkdirSync(folder.at('out'));
    await assert.rejects(
      exportImage(builtImage(folder), output(folder.at('out/image')), { signal: AbortSignal.abort(reason) }),
      reason,
    );
    assert.deepEqual(readdirSync(folder.at('out')), []);
  });
}

test('exportImage() keeps the old archive when the new one fails', async () => {
  using folder = temporaryFolder();
  const image = builtImage(folder);
  writeFileSync(folder.at('out.tar'), 'old');
  rmSync(folder.at('second-layer'));
  await assert.rejects(exportImage(image, oci(folder.at('out.tar'))));
  assert.equal(readFileSync(folder.at('out.tar'), 'utf8'), 'old');
});

test('exportImage() names the destination and the cure when a folder is missing', async () => {
  using folder = temporaryFolder();
  await assert.rejects(exportImage(builtImage(folder), oci(folder.at('no/out.tar'))), {
    name: 'OutputError',
    message: `Cannot write "${folder.at('no/out.tar')}": no such file or directory`,
    hint: `Make the folder first: mkdir -p ${folder.at('no')}`,
  });
});
