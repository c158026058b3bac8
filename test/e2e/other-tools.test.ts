import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { podmanIn } from '../support/podman.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

async function built(): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file('c/Containerfile', 'FROM base\nRUN echo works > /answer && rm -r /home && ln /answer /again\nCMD ["cat", "/again"]\n');
  await box
    .tsbuild(
      '-t',
      'tools:1',
      '--build-context',
      'base=oci-layout://base',
      '-o',
      'type=oci,dest=o.tar',
      '-o',
      'type=docker,dest=d.tar',
      'c',
    )
    .succeeds();
  return box;
}

test('skopeo reads the archives', requires('user:subids', 'tool:busybox', 'tool:skopeo'), async () => {
  using box = await built();
  for (const place of ['oci-archive:o.tar', 'oci-archive:o.tar:1', 'docker-archive:d.tar', 'oci-archive:d.tar']) {
    const { stdout } = await box.run(['skopeo', 'inspect', place]).succeeds();
    const seen: { Layers: string[]; Created: string } = JSON.parse(stdout);
    assert.deepEqual([seen.Layers.length, seen.Created], [2, '1980-01-02T00:00:00Z'], place);
  }
});

test('umoci unpacks the image', requires('user:subids', 'tool:busybox', 'tool:umoci'), async () => {
  using box = await built();
  await box.run(['mkdir', 'layout']).succeeds();
  await box.run(['tar', '-xf', 'o.tar', '-C', 'layout']).succeeds();
  await box.run(['umoci', 'unpack', '--rootless', '--image', 'layout:1', 'bundle']).succeeds();
  assert.equal(readFileSync(box.at('bundle/rootfs/answer'), 'utf8'), 'works\n');
  assert.equal(statSync(box.at('bundle/rootfs/answer')).nlink, 2);
  assert.equal(statSync(box.at('bundle/rootfs/home'), { throwIfNoEntry: false }), undefined);
});

test(
  'podman loads and runs the image',
  requires('user:subids', 'tool:busybox', 'tool:podman', 'new-control-groups'),
  async () => {
    using box = await built();
    using podman = podmanIn(box);
    await podman.run('load', '-i', 'd.tar').succeeds();
    const { stdout } = await podman
      .run('image', 'inspect', 'docker.io/library/tools:1', '--format', '{{.Config.Cmd}}')
      .succeeds();
    assert.equal(stdout, '[cat /again]\n');
    assert.equal((await podman.container('docker.io/library/tools:1').succeeds()).stdout, 'works\n');
  },
);
