import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { layerTar, writeLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

// COPY --link reads nothing of what is below, so its layer is the same on every base.

shareProcess();

const needs = requires('user:subids');

async function prepared(...instructions: readonly string[]): Promise<Sandbox> {
  const box = sandbox()
    .file('c/Containerfile', ['FROM base', ...instructions, ''].join('\n'))
    .file('c/app/run', '#!/bin/sh\n', { mode: 0o755 })
    .file('c/app/data', 'data');
  writeLayout(box.at('one'), { layers: [await layerTar([{ name: 'etc/one', content: '1' }])] });
  writeLayout(box.at('two'), {
    // What lies in the way of a COPY without --link: owned by others, and a link to elsewhere.
    layers: [
      await layerTar([
        { name: 'opt', type: 'directory', mode: 0o700, uid: 7, gid: 7 },
        { name: 'srv', type: 'symlink', linkname: 'opt' },
      ]),
    ],
    config: { Env: ['A=1'] },
  });
  return box;
}

/** The diff ids of the image, that of its base first. */
async function build(box: Sandbox, base: string): Promise<readonly string[]> {
  await box.tsbuild('--build-context', `base=oci-layout://${base}`, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  return (await readImage(box.at('o.tar'))).config.rootfs.diff_ids;
}

const linked = ['COPY --link app /opt/app', 'COPY --link --chown=5:6 app/data /srv/', 'ADD --link app/run /opt/'];

test('COPY --link and ADD --link make the same layers on every base', needs, async () => {
  using box = await prepared(...linked);
  using other = await prepared(...linked);
  const one = await build(box, 'one');
  const two = await build(other, 'two');
  assert.notEqual(one[0], two[0]);
  assert.deepEqual(one.slice(1), two.slice(1));
});

test('COPY without --link depends on what is below', needs, async () => {
  using box = await prepared('COPY app /opt/app');
  const one = await build(box, 'one');
  const two = await build(box, 'two');
  assert.notEqual(one[1], two[1]);
});

test('COPY --link gives the same layers when the base or a step below it changes', needs, async () => {
  using box = await prepared('COPY app/data /below', ...linked);
  const first = await build(box, 'one');
  const second = await build(box, 'two');
  assert.deepEqual(second.slice(2), first.slice(2));
  box.file('c/app/run', 'another program', { mode: 0o755 }).file('c/app/data', 'other data');
  const third = await build(box, 'two');
  // All four copy something that has changed.
  for (const at of [1, 2, 3, 4]) assert.notEqual(third[at], second[at]);
  box.file('c/app/run', '#!/bin/sh\n', { mode: 0o755 }).file('c/app/data', 'data').file('c/unused');
  assert.deepEqual(await build(box, 'two'), second);
});

test(
  'COPY --link is remembered when the base changes, and asks neither for the base nor for what it copies from',
  needs,
  async () => {
    using box = await prepared(...linked, 'COPY --link --from=other etc/one /o');
    const other = ['--progress=plain', '--build-context', 'other=oci-layout://one'];
    const on = (base: string, ...more: readonly string[]): Promise<{ stderr: string }> =>
      box.tsbuild(...other, '--build-context', `base=oci-layout://${base}`, ...more, 'c').succeeds();
    assert.match((await on('one')).stderr, /\(4 steps, 0 cached\)/);
    const { stderr } = await on('two');
    assert.match(stderr, /\(4 steps, 4 cached\)/);
    assert.doesNotMatch(stderr, /unpacking/);
    assert.match((await on('one', '--no-cache')).stderr, /\(4 steps, 0 cached\)/);
    await on('two', '-o', 'files');
    await box.run(['diff', '-r', 'c/app', 'files/opt/app']).succeeds();
  },
);

test('two stages that link the same onto different bases share the work', needs, async () => {
  using box = await prepared(
    ...linked,
    'FROM two AS second',
    ...linked,
    'FROM scratch',
    'COPY --from=0 /opt /a',
    'COPY --from=second /opt /b',
  );
  const contexts = ['--build-context', 'base=oci-layout://one', '--build-context', 'two=oci-layout://two'];
  for (const flags of [['--no-cache'], []]) {
    await box.tsbuild(...contexts, ...flags, '-o', 'files', 'c').succeeds();
    for (const name of ['a', 'b']) await box.run(['diff', '-r', 'c/app', `files/${name}/app`]).succeeds();
  }
});

test('COPY --link is remembered on the base that it was made on', needs, async () => {
  using box = await prepared(...linked);
  await build(box, 'one');
  await build(box, 'two');
  const { stderr } = await box.tsbuild('--progress=plain', '--build-context', 'base=oci-layout://one', 'c').succeeds();
  assert.match(stderr, /\(3 steps, 3 cached\)/);
});
