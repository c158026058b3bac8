import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { digestOf, writeBusyboxLayout } from '../support/images.ts';
import { podmanIn } from '../support/podman.ts';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:docker-registry');
const registry = needs.skip === undefined ? await startRealRegistry() : undefined;
const host = registry?.host ?? '';

after(() => registry?.[Symbol.asyncDispose]());

/** Two layers that were made here; the flags name what else is wanted. */
async function built(...flags: readonly string[]): Promise<Sandbox> {
  const box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY f /f\nCOPY f /g\nLABEL a=b\n').file('c/f', 'content\n'.repeat(1000));
  await box.tsbuild('-t', 'app', ...flags, 'c').succeeds();
  return box;
}

async function digestAt(box: Sandbox, place: string): Promise<string> {
  const { stdout } = await box.run(['skopeo', 'inspect', '--tls-verify=false', '--format', '{{.Digest}}', place]).succeeds();
  return stdout.trim();
}

const forms: readonly (readonly string[])[] = [
  [],
  ['--format', 'docker'],
  ['--annotation', 'x=y'],
  ['--source-date-epoch', '1000000000'],
];

for (const flags of forms) {
  test(`a kept image is pushed as a build pushes it (${flags.join(' ') || 'no flags'})`, {
    ...needs,
    ...requires('tool:skopeo'),
  }, async () => {
    using box = await built(...flags);
    await box.tsbuild('push', 'app', `${host}/later:1`, `${host}/later:2`).succeeds();
    await box.tsbuild('-t', `${host}/direct:1`, '--push', ...flags, 'c').succeeds();
    const direct = await digestAt(box, `docker://${host}/direct:1`);
    assert.equal(await digestAt(box, `docker://${host}/later:1`), direct);
    assert.equal(await digestAt(box, `docker://${host}/later:2`), direct);
  });
}

test('a kept image of two platforms is pushed as a build pushes it', { ...needs, ...requires('tool:skopeo') }, async () => {
  const platforms = ['--platform', 'linux/amd64,linux/arm64'];
  using box = await built(...platforms);
  const { stdout } = await box.tsbuild('push', '--digestfile', 'digest', 'app', `${host}/two:later`).succeeds();
  await box.tsbuild('-t', `${host}/two:direct`, '--push', ...platforms, 'c').succeeds();
  const raw = async (tag: string): Promise<string> =>
    (await box.run(['skopeo', 'inspect', '--tls-verify=false', '--raw', `docker://${host}/two:${tag}`]).succeeds()).stdout;
  assert.equal(await raw('later'), await raw('direct'));
  assert.equal(stdout, `${host}/two:later@${readFileSync(box.at('digest'), 'utf8')}\n`);
});

test('save gives the bytes that a build writes', needs, async () => {
  using box = await built();
  for (const [format, type] of [
    ['docker-archive', 'docker'],
    ['oci-archive', 'oci'],
  ] as const) {
    const { stdoutBytes: saved } = await box.tsbuild('save', '--format', format, 'app').succeeds();
    const { stdoutBytes: direct } = await box.tsbuild('-t', 'app', '-o', `type=${type},dest=-`, 'c').succeeds();
    assert.ok(saved.equals(direct), format);
  }
});

test('save --format oci-dir gives a layout, which load takes', needs, async () => {
  using box = await built();
  await box.tsbuild('save', '--format', 'oci-dir', '-o', 'layout', 'app').succeeds();
  await box.tsbuild('save', '--format', 'oci-archive', '-o', 'a.tar', 'app').succeeds();
  const { stdout } = await box.tsbuild('load', '-i', 'layout', '-t', 'again').succeeds();
  assert.equal(stdout, 'Loaded image: docker.io/library/again:latest\n');
  await box.tsbuild('load', '-i', 'a.tar', '-t', 'archived').succeeds();
  const digest = async (name: string): Promise<string> =>
    (await box.tsbuild('inspect', '--format', '{{.id}} {{.digest}}', name).succeeds()).stdout;
  assert.equal(await digest('again'), await digest('archived'));
  await box.tsbuild('save', '--format', 'zip', '-o', 'x', 'app').fails({ exit: 2, stderr: /zip/ });
});

test('push --format chooses the media types, and the id stays', { ...needs, ...requires('tool:skopeo') }, async () => {
  using box = await built();
  const id = (await box.tsbuild('inspect', '--format', '{{.id}}', 'app').succeeds()).stdout;
  for (const [format, type] of [
    ['docker', 'application/vnd.docker.distribution.manifest.v2+json'],
    ['oci', 'application/vnd.oci.image.manifest.v1+json'],
  ] as const) {
    const name = `${host}/types:${format}`;
    const { stdout } = await box.tsbuild('push', '--format', format, 'app', name).succeeds();
    assert.equal(stdout, `${name}@${await digestAt(box, `docker://${name}`)}\n`);
    const raw = (await box.run(['skopeo', 'inspect', '--tls-verify=false', '--raw', `docker://${name}`]).succeeds()).stdout;
    const { mediaType, config }: { mediaType: string; config: { digest: string } } = JSON.parse(raw);
    assert.deepEqual([mediaType, `${config.digest}\n`], [type, id]);
  }
  await box.tsbuild('push', '--format', 'zip', 'app', `${host}/types:zip`).fails({ exit: 2, stderr: /zip/ });
});

test('skopeo and podman take what save writes', { ...needs, ...requires('tool:skopeo', 'tool:podman') }, async () => {
  using box = await built();
  await box.tsbuild('save', '-o', 'a.tar', 'app').succeeds();
  const { stdout } = await box.run(['skopeo', 'inspect', '--config', 'docker-archive:a.tar']).succeeds();
  assert.deepEqual(JSON.parse(stdout).config.Labels, { a: 'b' });
  using podman = podmanIn(box);
  await podman.run('load', '-q', '-i', 'a.tar').succeeds();
  const { stdout: listed } = await podman.run('images', '-q', '--no-trunc').succeeds();
  const { stdout: id } = await box.tsbuild('images', '-q', '--no-trunc').succeeds();
  assert.equal(listed, id);
});

test('an image FROM a kept image is pushed with compressed layers', { ...needs, ...requires('tool:busybox') }, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file('c/Containerfile', 'FROM base\nRUN echo one >/one\n').file('d/Containerfile', 'FROM mine\nRUN echo two >/two\n');
  const context = ['--build-context', 'base=oci-layout://base'];
  await box.tsbuild(...context, '-t', 'mine', 'c').succeeds();
  await box.tsbuild('-t', 'upper', 'd').succeeds();
  const { stdoutBytes } = await box.tsbuild('save', '--format', 'oci-archive', 'upper').succeeds();
  const { manifest, layers } = await readImage(stdoutBytes);
  assert.deepEqual(
    manifest.layers.map(({ mediaType }) => mediaType),
    Array.from({ length: 3 }, () => 'application/vnd.oci.image.layer.v1.tar+gzip'),
  );
  assert.equal(layers[1]?.get('one')?.content.toString(), 'one\n');
  await box.tsbuild('push', 'upper', `${host}/upper`).succeeds();
});

test('prune keeps what a named image is made of', needs, async () => {
  using box = await built();
  const { stdoutBytes: before } = await box.tsbuild('save', 'app').succeeds();
  await box.tsbuild('prune', '--all').succeeds();
  const { stdoutBytes: saved } = await box.tsbuild('save', 'app').succeeds();
  assert.ok(saved.equals(before));
  const { stderr } = await box.tsbuild('-t', 'app', 'c').succeeds();
  assert.match(stderr, /2 steps, 0 cached/);
});

test('a lost layer is told, with what to do', needs, async () => {
  using box = await built();
  await box.run(['sh', '-c', 'rm -r store/snapshots/*']).succeeds();
  await box.tsbuild('save', 'app').fails({
    exit: 5,
    stderr: [
      /Cannot use image "docker\.io\/library\/app:latest": layer sha256:\w+: the store has lost it/,
      /hint: Build, load or pull "docker\.io\/library\/app:latest" again/,
    ],
  });
});

/** Every blob that a registry keeps. */
function blobsAt(storage: string): readonly string[] {
  const files = readdirSync(storage, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => /\/blobs\/sha256\/[0-9a-f]{2}\/[0-9a-f]{64}\/data$/.test(file));
}

function assertWhole(storage: string): void {
  for (const file of blobsAt(storage)) {
    assert.equal(digestOf(readFileSync(join(storage, file))), `sha256:${file.split('/').at(-2)}`, file);
  }
}

for (const [what, damage] of [
  ['flipped', (path: string): void => spoil(path)],
  ['cut', (path: string): void => truncateSync(path, 100)],
  ['gone', (path: string): void => rmSync(path)],
] as const) {
  for (const part of ['layer', 'configuration', 'manifest'] as const) {
    test(`a registry gets nothing of an image whose ${part} is ${what}, and the cure works`, needs, async () => {
      using box = sandbox();
      const image = await writeBusyboxLayout(box.at('base'));
      const take = () => box.tsbuild('copy', '-q', 'oci:base', 'store:base').succeeds();
      await take();
      const digests = { layer: image.layerDigests[0], configuration: image.configDigest, manifest: image.manifestDigest };
      damage(`${box.store}/blobs/${(digests[part] ?? '').replace(':', '/')}`);
      const name = `${host}/damaged-${what}-${part}:1`;
      await box.tsbuild('push', 'base', name).fails({ exit: 5, stderr: [/sha256:/, /^hint: .*[Bb]uild, load or pull/m] });
      assertWhole(registry?.storage ?? '');
      await box.tsbuild('copy', '-q', `docker://${name}`, 'oci-archive:none.tar').fails({ exit: 4 });
      await take();
      const { stdout } = await box.tsbuild('push', 'base', name).succeeds();
      assert.equal(stdout, `${name}@${image.manifestDigest}\n`);
      assertWhole(registry?.storage ?? '');
    });
  }
}

function spoil(path: string): void {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
