import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type ReadImage, readImage } from '../support/image-archive.ts';
import { layerTar, writeLayout } from '../support/images.ts';
import { podmanIn } from '../support/podman.ts';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:zstd');
const needsRegistry = requires('user:subids', 'tool:zstd', 'tool:docker-registry', 'tool:skopeo');
const registry = needsRegistry.skip === undefined ? await startRealRegistry() : undefined;
const host = registry?.host ?? '';

after(() => registry?.[Symbol.asyncDispose]());

/** A base with one layer of gzip, and a build that adds one. Six blocks, so that threads take part. */
async function prepared(): Promise<Sandbox> {
  const box = sandbox();
  writeLayout(box.at('base'), { layers: [await layerTar([{ name: 'base', content: 'from the base\n'.repeat(100) }])] });
  return box.file('c/Containerfile', 'FROM base\nCOPY f /f\nLABEL a=b\n').file('c/f', 'content\n'.repeat(800_000));
}

const base = ['--build-context', 'base=oci-layout://base'];

/** `gzip zstd`: the layers' kinds, lowest first. */
function kindsOf({ manifest }: Pick<ReadImage, 'manifest'>): string {
  return manifest.layers.map(({ mediaType }) => /(?:\+|\.tar\.?)(\w*)$/.exec(mediaType)?.[1] ?? '?').join(' ');
}

const outputs: readonly (readonly [fields: string, kinds: string])[] = [
  ['compression=gzip', 'gzip gzip'],
  ['compression=zstd', 'gzip zstd'],
  ['compression=zstd,compression-level=1,force-compression=true', 'zstd zstd'],
  ['compression=gzip,compression-level=9,force-compression=true', 'gzip gzip'],
  ['compression=zstd,force-compression=false', 'gzip zstd'],
];

for (const [fields, kinds] of outputs) {
  test(`--output ${fields} gives layers of ${kinds}`, needs, async () => {
    using box = await prepared();
    await box.tsbuild(...base, '-o', `type=oci,dest=a.tar,${fields}`, 'c').succeeds();
    const image = await readImage(box.at('a.tar'));
    assert.equal(kindsOf(image), kinds);
    assert.equal(image.layers[0]?.get('base')?.content.length, 1400);
    assert.equal(image.layers[1]?.get('f')?.content.length, 6_400_000);
  });
}

test('the same configuration is in images of every compression', needs, async () => {
  using box = await prepared();
  const read = async (fields: string): Promise<string> => {
    const { stdoutBytes } = await box.tsbuild(...base, '-o', `type=oci,dest=-,${fields}`, 'c').succeeds();
    return (await readImage(stdoutBytes)).manifest.config.digest;
  };
  assert.equal(await read('compression=zstd,force-compression'), await read('compression=gzip'));
});

const archives = ['docker-archive', 'oci-archive'] as const;

for (const format of archives) {
  test(`skopeo and podman read layers of zstd from a ${format}`, {
    ...requires('user:subids', 'tool:zstd', 'tool:skopeo', 'tool:podman'),
  }, async () => {
    using box = await prepared();
    await box.tsbuild(...base, '-t', 'app', 'c').succeeds();
    await box
      .tsbuild('save', '--format', format, '--compression-format', 'zstd', '--force-compression', '-o', 'a.tar', 'app')
      .succeeds();
    assert.equal(kindsOf(await readImage(box.at('a.tar'))), 'zstd zstd');
    await box.run(['skopeo', 'copy', `${format}:a.tar`, 'dir:copied']).succeeds();
    using podman = podmanIn(box);
    await podman.run('load', '-q', '-i', 'a.tar').succeeds();
    const { stdout: listed } = await podman.run('images', '-q', '--no-trunc').succeeds();
    const { stdout: id } = await box.tsbuild('images', '-q', '--no-trunc').succeeds();
    assert.equal(listed, id);
  });
}

test('push and copy compress anew what they are asked to, and a build pushes the same', needsRegistry, async () => {
  using box = await prepared();
  const digestAt = async (name: string): Promise<string> => {
    const place = `docker://${host}/${name}`;
    return (await box.run(['skopeo', 'inspect', '--tls-verify=false', '--format', '{{.Digest}}', place]).succeeds()).stdout;
  };
  await box.tsbuild(...base, '-t', 'app', 'c').succeeds();
  const flags = ['--compression', 'zstd', '--force-compression'];
  await box.tsbuild('push', ...flags, 'app', `${host}/pushed`).succeeds();
  await box.tsbuild('push', 'app', `${host}/plain`).succeeds();
  await box.tsbuild('copy', ...flags, `docker://${host}/plain`, `docker://${host}/copied`).succeeds();
  const output = `type=registry,name=${host}/built,compression=zstd,force-compression=true`;
  await box.tsbuild(...base, '-o', output, 'c').succeeds();
  const expected = await digestAt('pushed');
  assert.equal(await digestAt('copied'), expected);
  assert.equal(await digestAt('built'), expected);
  assert.notEqual(await digestAt('plain'), expected);
  await box.run(['skopeo', 'copy', '--src-tls-verify=false', `docker://${host}/built`, 'dir:copied']).succeeds();
});

const refused: readonly (readonly [what: string, args: readonly string[], message: RegExp])[] = [
  [
    'a level of gzip',
    ['-o', 'type=oci,dest=a,compression-level=10'],
    /Cannot compress with gzip at level 10: its levels are 0 to 9/,
  ],
  ['a level of zstd', ['-o', 'type=oci,dest=a,compression=zstd,compression-level=0'], /zstd at level 0: its levels are 1 to 22/],
  [
    'zstd under types of Docker',
    ['-o', 'type=oci,dest=a,compression=zstd,oci-mediatypes=false'],
    /Docker's media types have none for it/,
  ],
  ['zstd under types of Docker', ['--format', 'docker', '-o', 'type=docker,dest=a,compression=zstd'], /Docker's media types/],
  ['estargz', ['-o', 'type=oci,dest=a,compression=estargz'], /layers that are loaded lazily are not supported/],
];

for (const [what, args, message] of refused) {
  test(`${what} is refused before anything is built: ${args.join(' ')}`, needs, async () => {
    using box = await prepared();
    await box.tsbuild(...base, ...args, 'c').fails({ exit: 2, stderr: message });
  });
}

test('save refuses zstd for an image of Docker, and what it does not know', needs, async () => {
  using box = await prepared();
  await box.tsbuild(...base, '-t', 'app', '--format', 'docker', 'c').succeeds();
  const save = (...flags: readonly string[]) => box.tsbuild('save', '-o', 'a.tar', ...flags, 'app');
  await save('--compression', 'zstd').fails({ exit: 2, stderr: /Docker's media types have none for it/ });
  await save('--compression-format', 'zstd:chunked').fails({ exit: 2, stderr: /loaded lazily are not supported/ });
  await save('--compression', 'zstd', '--compression-level', '23').fails({ exit: 2, stderr: /its levels are 1 to 22/ });
});
