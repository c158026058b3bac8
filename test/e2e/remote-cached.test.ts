import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeRegistry } from '../support/fake-registry.ts';
import { readImage } from '../support/image-archive.ts';
import { busyboxLayer, digestOf, layerTar, writeBusyboxLayout } from '../support/images.ts';
import { describe, json } from '../support/registry-image.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');

/** Puts an image with these layers into the registry, uncompressed. */
function plantLayers(registry: FakeRegistry, repository: string, tars: readonly Uint8Array[]): void {
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const config = json({
    architecture,
    os: 'linux',
    config: { Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
  });
  for (const blob of [config, ...tars]) registry.addBlob(repository, blob);
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = json({
    schemaVersion: 2,
    mediaType: type,
    config: describe(config, 'application/vnd.oci.image.config.v1+json'),
    layers: tars.map((tar) => describe(tar, 'application/vnd.oci.image.layer.v1.tar')),
  });
  registry.addManifest(repository, 'latest', { bytes: manifest, type });
}

test('a build that is wholly cached asks for no layer and starts no worker, whatever it copies from', needs, async () => {
  await using registry = await FakeRegistry.start();
  plantLayers(registry, 'base', [await busyboxLayer()]);
  plantLayers(registry, 'data', [
    await layerTar([
      { name: 'd/x', content: 'data' },
      { name: 'd/y', content: 'more' },
    ]),
  ]);
  using box = sandbox();
  box.file(
    'c/Containerfile',
    `FROM ${registry.host}/base AS made
RUN echo made > /made
FROM ${registry.host}/base
COPY --from=${registry.host}/data d/x /x
COPY --from=made --chown=7 /made /
RUN --mount=from=${registry.host}/data,source=d,target=/d --mount=from=made,target=/m cat /d/y /m/made > /out
`,
  );
  await box.tsbuild('-o', 'type=oci,dest=o.tar', 'c').succeeds();
  const image = await readImage(box.at('o.tar'));
  assert.equal(image.layers.at(-1)?.get('out')?.content.toString(), 'moremade\n');
  await box.tsbuild('c').succeeds();
  registry.requests.length = 0;
  // The layers are gone, and so are the means of a worker: there are programs for ids, and they fail.
  for (const name of ['newuidmap', 'newgidmap']) box.file(`broken/${name}`, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  registry.fail({ path: /blobs/, fault: { kind: 'reply', status: 404, body: '' } });
  const { stderr } = await box.tsbuildWith({ environment: { PATH: box.at('broken') } }, '--progress=plain', 'c').succeeds();
  assert.deepEqual(registry.log(), []);
  assert.doesNotMatch(stderr, /unpacking/);
});

test('what a cached answer says is what looking says', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  const context = ['--build-context', 'base=oci-layout://base'];
  const text = (last: string): string =>
    `FROM base AS a\nRUN mkdir /d && echo one > /d/f\nFROM base\nRUN echo ${last}\nCOPY --from=a /d /d\n`;
  box.file('c/Containerfile', text('first'));
  await box.tsbuild(...context, 'c').succeeds();
  // The step runs again on another parent; its key was answered without looking, its files must come all the same.
  box.file('c/Containerfile', text('second; touch /t'));
  await box.tsbuild(...context, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  const { layers } = await readImage(box.at('o.tar'));
  assert.equal(layers.at(-1)?.get('d/f')?.content.toString(), 'one\n');
});

test('RUN sees a mounted context as its ignore rules leave it', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box
    .file('c/.dockerignore', '**/*.secret\nCont*\n')
    .file('c/keep', 'k')
    .file('c/a.secret', 's')
    .file('c/sub/deep/b.secret', 's')
    .file('c/sub/deep/keep', 'k', { mode: 0o640 });
  const context = ['--build-context', 'base=oci-layout://base'];
  for (const [options, shown] of [
    ['', './.dockerignore\n./keep\n./sub/deep/keep\n'],
    [',source=sub/deep', './keep\n'],
    [',source=sub/deep,rw', './keep\n'],
  ] as const) {
    box.file(
      'c/Containerfile',
      `FROM base\nRUN --mount=target=/c${options} cd /c && find . -type f | sort > /list && stat -c %a /c/*eep /c/sub/deep/keep > /modes || true\n`,
    );
    await box.tsbuild(...context, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
    const { layers } = await readImage(box.at('o.tar'));
    assert.equal(layers.at(-1)?.get('list')?.content.toString(), shown);
    assert.match(layers.at(-1)?.get('modes')?.content.toString() ?? '', /640/);
  }
  // A single file, and the second time from what is kept.
  box.file(
    'c/Containerfile',
    'FROM base\nRUN --mount=target=/f,source=sub/deep/keep cat /f > /out\nRUN --mount=target=/f,source=sub/deep/keep cat /f > /out2\n',
  );
  await box.tsbuild(...context, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  assert.equal((await readImage(box.at('o.tar'))).layers.at(-1)?.get('out2')?.content.toString(), 'k');
});
