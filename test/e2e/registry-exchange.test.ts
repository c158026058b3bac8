import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { type Podman, podmanIn } from '../support/podman.ts';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox', 'tool:docker-registry', 'tool:skopeo', 'tool:podman', 'new-control-groups');
const registry = needs.skip === undefined ? await startRealRegistry() : undefined;
const host = registry?.host ?? '';
const copy = ['skopeo', 'copy', '-q', '--insecure-policy', '--src-tls-verify=false', '--dest-tls-verify=false'];
const types = {
  oci: 'application/vnd.oci.image.manifest.v1+json',
  docker: 'application/vnd.docker.distribution.manifest.v2+json',
} as const;

after(() => registry?.[Symbol.asyncDispose]());

interface Manifest {
  readonly mediaType: string;
  readonly layers: readonly { readonly mediaType: string }[];
}

async function manifestAt(box: Sandbox, name: string): Promise<Manifest> {
  const { stdout } = await box.run(['skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${name}`]).succeeds();
  return JSON.parse(stdout);
}

/** What an image that podman pulls prints when it is run. */
async function printedBy(podman: Podman, name: string): Promise<string> {
  await podman.run('pull', '-q', '--tls-verify=false', name).succeeds();
  return (await podman.container(name).succeeds()).stdout;
}

describe('what tsbuild pushes', needs, () => {
  for (const [what, format, compression, layer] of [
    ['oci', 'oci', 'gzip', /tar\+gzip$/],
    ['docker', 'docker', 'gzip', /tar\.gzip$/],
    ['oci, zstd', 'oci', 'zstd', /tar\+zstd$/],
    ['oci, uncompressed', 'oci', 'uncompressed', /layer\.v1\.tar$/],
  ] as const) {
    test(`(${what}) is taken by skopeo and podman`, async () => {
      using box = sandbox();
      await writeBusyboxLayout(box.at('base'));
      box.file('c/Containerfile', 'FROM base\nRUN echo works >/answer\nCMD ["cat", "/answer"]\n');
      const name = `${host}/ours/${what.replace(', ', '-')}:1`;
      const output = `type=registry,name=${name},compression=${compression},force-compression=true`;
      await box.tsbuild('--build-context', 'base=oci-layout://base', '--format', format, '-o', output, 'c').succeeds();
      const { mediaType, layers } = await manifestAt(box, name);
      assert.deepEqual([mediaType, layers.length], [types[format], 2]);
      for (const pushed of layers) assert.match(pushed.mediaType, layer);
      await box.run([...copy, '--preserve-digests', `docker://${name}`, 'dir:taken']).succeeds();
      using podman = podmanIn(box);
      assert.equal(await printedBy(podman, name), 'works\n');
    });
  }
});

describe('what others push', needs, () => {
  for (const [what, flags, mediaType, layer] of [
    ['oci, gzip', ['--format', 'oci'], types.oci, /tar\+gzip$/],
    ['docker, gzip', ['--format', 'v2s2'], types.docker, /tar\.gzip$/],
    ['oci, zstd', ['--format', 'oci', '--dest-compress-format', 'zstd'], types.oci, /tar\+zstd$/],
    ['oci, uncompressed', ['--preserve-digests'], types.oci, /layer\.v1\.tar$/],
  ] as const) {
    test(`by skopeo (${what}) is built on, and podman takes what comes of it`, async () => {
      using box = sandbox();
      // Not compressed, so that skopeo does it.
      await writeBusyboxLayout(box.at('base'), { compression: 'none' });
      const theirs = `${host}/theirs/${what.replace(', ', '-')}:1`;
      // What skopeo knows of other pushes makes it reuse their blobs, whatever they are compressed with.
      const environment = { XDG_DATA_HOME: box.folder('skopeo').at('skopeo') };
      await box.run([...copy, ...flags, 'oci:base:latest', `docker://${theirs}`], { environment }).succeeds();
      const pushed = await manifestAt(box, theirs);
      assert.equal(pushed.mediaType, mediaType);
      assert.match(pushed.layers[0]?.mediaType ?? '', layer);
      box.file('c/Containerfile', `FROM ${theirs}\nRUN echo works >/answer\nCMD ["cat", "/answer"]\n`);
      await box.tsbuild('pull', theirs).succeeds();
      const name = `${host}/on-theirs/${what.replace(', ', '-')}:1`;
      await box.tsbuild('--pull=never', '-t', name, '--push', 'c').succeeds();
      using podman = podmanIn(box);
      assert.equal(await printedBy(podman, name), 'works\n');
    });
  }

  test('by podman is built on', async () => {
    using box = sandbox();
    await writeBusyboxLayout(box.at('base'));
    using podman = podmanIn(box);
    const base = `${host}/podman/base:1`;
    await box.run([...copy, 'oci:base:latest', `docker://${base}`]).succeeds();
    await podman.run('pull', '-q', '--tls-verify=false', base).succeeds();
    for (const format of ['oci', 'v2s2']) {
      const theirs = `${host}/podman/${format}:1`;
      await podman.run('push', '-q', '--tls-verify=false', '--format', format, base, theirs).succeeds();
      box.file('c/Containerfile', `FROM ${theirs}\nRUN test -x /bin/busybox\n`);
      await box.tsbuild('-o', 'type=none', 'c').succeeds();
    }
  });
});
