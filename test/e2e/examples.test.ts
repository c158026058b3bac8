import assert from 'node:assert/strict';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { podmanIn } from '../support/podman.ts';
import { repositoryRoot } from '../support/repository.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');
const esbuild = join(repositoryRoot, `node_modules/@esbuild/linux-${process.arch}/bin/esbuild`);

function bundle(): Sandbox {
  const box = sandbox();
  cpSync(join(repositoryRoot, 'examples/bundle'), box.at('bundle'), { recursive: true });
  cpSync(esbuild, box.at('bundle/esbuild'));
  return box;
}

test('examples/bundle is built offline, and its page is in the image', needs, async () => {
  using box = bundle();
  await box.tsbuild('-t', 'bundle', '-o', 'type=oci,dest=bundle.tar', 'bundle').succeeds();
  const image = await readImage(box.at('bundle.tar'));
  const script = image.layers.map((layer) => layer.get('www/main.js')).find((file) => file !== undefined);
  assert.match(script?.content.toString() ?? '', /^\(\(\)=>\{.*The primes below 50 are/s);
  assert.deepEqual(image.config.config['Entrypoint'], ['/bin/esbuild']);
  assert.equal(image.config.config['User'], '65534:65534');
});

test('examples/bundle is read by skopeo and unpacked by umoci', {
  ...needs,
  ...requires('tool:skopeo', 'tool:umoci'),
}, async () => {
  using box = bundle();
  await box.tsbuild('-t', 'bundle', '-o', 'type=oci,dest=bundle.tar', 'bundle').succeeds();
  await box.run(['skopeo', 'inspect', 'oci-archive:bundle.tar']).succeeds();
  await box.run(['sh', '-c', 'mkdir layout && tar -xf bundle.tar -C layout']).succeeds();
  await box.run(['umoci', 'unpack', '--rootless', '--image', 'layout:latest', 'unpacked']).succeeds();
  assert.deepEqual(readdirSync(box.at('unpacked/rootfs/www')).toSorted(), ['index.html', 'main.js']);
});

test('examples/bundle is loaded and run by podman', {
  ...needs,
  ...requires('tool:podman', 'new-control-groups'),
}, async () => {
  using box = bundle();
  using podman = podmanIn(box);
  await box.tsbuild('-t', 'bundle', '-o', 'type=docker,dest=bundle.tar', 'bundle').succeeds();
  await podman.run('load', '-q', '-i', 'bundle.tar').succeeds();
  const { stdout } = await podman
    .container('--entrypoint=', 'docker.io/library/bundle:latest', '/bin/esbuild', '--version')
    .succeeds();
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

for (const name of readdirSync(join(repositoryRoot, 'examples'), { withFileTypes: true }).filter(
  (entry) => entry.isDirectory() && entry.name !== 'library',
)) {
  test(`examples/${name.name} has no mistakes`, async () => {
    using box = sandbox();
    cpSync(join(repositoryRoot, 'examples', name.name), box.at('example'), { recursive: true });
    await box.tsbuild('check', 'example').succeeds();
  });
}
