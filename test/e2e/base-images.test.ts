import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');
const file = 'FROM base\nRUN cat /etc/passwd > /copy\n';

async function buildsOn(box: Sandbox, place: string): Promise<string> {
  box.file('c/Containerfile', file);
  await box.tsbuild('--build-context', `base=${place}`, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  const image = await readImage(box.at('o.tar'));
  assert.match(image.layers.at(-1)?.get('copy')?.content.toString() ?? '', /^root:/);
  assert.deepEqual(image.config.config['Env'], ['PATH=/usr/bin:/bin']);
  return image.config.rootfs.diff_ids[0] ?? '';
}

test('an image layout folder is a base', needs, async () => {
  using box = sandbox();
  const written = await writeBusyboxLayout(box.at('base'));
  assert.equal(await buildsOn(box, 'oci-layout://base'), written.diffIds[0]);
});

test('an image layout is chosen by tag and by digest', needs, async () => {
  using box = sandbox();
  const written = await writeBusyboxLayout(box.at('base'), { tag: 'v1' });
  await buildsOn(box, 'oci-layout://base:v1');
  await buildsOn(box, `oci-layout://base@${written.manifestDigest}`);
  box.file('c/Containerfile', file);
  await box.tsbuild('--build-context', 'base=oci-layout://base:v2', 'c').fails({ exit: 4, stderr: /v2/ });
});

test('an OCI archive is a base', { ...needs, ...requires('tool:skopeo') }, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  await box.run(['skopeo', 'copy', 'oci:base:latest', 'oci-archive:base.tar:latest']).succeeds();
  await buildsOn(box, 'oci-archive:base.tar');
});

test('a docker archive is a base', { ...needs, ...requires('tool:skopeo') }, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  await box.run(['skopeo', 'copy', 'oci:base:latest', 'docker-archive:base.tar:base:latest']).succeeds();
  await buildsOn(box, 'docker-archive:base.tar');
});

test('an image in a registry on this machine is a base', {
  ...needs,
  ...requires('tool:skopeo', 'tool:docker-registry'),
}, async () => {
  using box = sandbox();
  await using registry = await startRealRegistry();
  await writeBusyboxLayout(box.at('base'));
  await box.run(['skopeo', 'copy', '--dest-tls-verify=false', 'oci:base:latest', `docker://${registry.host}/base:1`]).succeeds();
  box.file('c/Containerfile', `FROM ${registry.host}/base:1\nRUN cat /etc/passwd > /copy\n`);
  await box.tsbuild('-o', 'type=oci,dest=o.tar', 'c').succeeds();
  const image = await readImage(box.at('o.tar'));
  assert.match(image.layers.at(-1)?.get('copy')?.content.toString() ?? '', /^root:/);
});

test('an image in a registry is a named context: a base, a source of COPY and of a mount', {
  ...needs,
  ...requires('tool:skopeo', 'tool:docker-registry'),
}, async () => {
  using box = sandbox();
  await using registry = await startRealRegistry();
  await writeBusyboxLayout(box.at('base'));
  await box.run(['skopeo', 'copy', '--dest-tls-verify=false', 'oci:base:latest', `docker://${registry.host}/base:1`]).succeeds();
  box.file(
    'c/Containerfile',
    'FROM named\nCOPY --from=named /etc/passwd /copy\nRUN --mount=from=named,target=/m cat /m/etc/group > /mounted\n',
  );
  await box
    .tsbuild('--build-context', `named=docker-image://${registry.host}/base:1`, '-o', 'type=oci,dest=o.tar', 'c')
    .succeeds();
  const { layers } = await readImage(box.at('o.tar'));
  const contentOf = (name: string): string =>
    layers
      .findLast((layer) => layer.has(name))
      ?.get(name)
      ?.content.toString() ?? '';
  assert.deepEqual([contentOf('copy'), contentOf('mounted')], [contentOf('etc/passwd'), contentOf('etc/group')]);
  assert.match(contentOf('copy'), /^root:/);
});

test('docker-image://scratch is a named context without files', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file(
    'c/Containerfile',
    'FROM base\nRUN --mount=from=none,target=/m ls -A /m > /listed\nFROM none\nCOPY --from=0 /listed /\n',
  );
  await box
    .tsbuild(
      '--build-context',
      'none=docker-image://scratch',
      '--build-context',
      'base=oci-layout://base',
      '-o',
      'type=oci,dest=o.tar',
      'c',
    )
    .succeeds();
  const { layers } = await readImage(box.at('o.tar'));
  assert.deepEqual(
    layers.map((layer) => [...layer].map(([name, { content }]) => `${name}: ${content.toString()}`)),
    [['listed: ']],
  );
});

test('a base whose files nobody needs is not unpacked, nor is a worker started', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file('c/Containerfile', 'FROM base\nENV X=1\n');
  const { stderr } = await box.tsbuild('-t', 'lazy', '--build-context', 'base=oci-layout://base', 'c').succeeds();
  assert.deepEqual(readdirSync(`${box.store}/snapshots`), []);
  assert.doesNotMatch(stderr, /namespace/);
});
