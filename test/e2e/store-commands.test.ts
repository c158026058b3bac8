import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');

async function built(): Promise<Sandbox> {
  const box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY f /f\nLABEL a=b\n').file('c/f', 'content');
  await box.tsbuild('-t', 'app', '-t', 'localhost:5000/team/app:2', '-o', 'type=image', 'c').succeeds();
  return box;
}

test('images, inspect and history show what was built', needs, async () => {
  using box = await built();
  const { stdout: list } = await box.tsbuild('images', '--json').succeeds();
  const images: { name: string; id: string }[] = JSON.parse(list);
  assert.deepEqual(
    images.map(({ name }) => name),
    ['docker.io/library/app:latest', 'localhost:5000/team/app:2'],
  );
  const { stdout: table } = await box.tsbuild('images').succeeds();
  assert.match(table, /^docker\.io\/library\/app +latest +[0-9a-f]{12} +linux\/\w+ +\S+$/m);
  const { stdout: shown } = await box.tsbuild('inspect', 'app').succeeds();
  const [image]: { images: { config: { config: { Labels: object } } }[] }[] = JSON.parse(shown);
  assert.deepEqual(image?.images[0]?.config.config.Labels, { a: 'b' });
  const { stdout: history } = await box.tsbuild('history', 'app').succeeds();
  assert.match(history, /LABEL a=b.*\n.*COPY f \/f/);
});

test('save writes the image that was built', needs, async () => {
  using box = await built();
  const { stdoutBytes } = await box.tsbuild('save', '--format', 'oci-archive', 'app').succeeds();
  const image = await readImage(stdoutBytes);
  assert.equal(image.layers[0]?.get('f')?.content.toString(), 'content');
  assert.deepEqual(image.names, ['docker.io/library/app:latest']);
});

test('tag and rmi move names, and prune keeps named images', needs, async () => {
  using box = await built();
  await box.tsbuild('tag', 'app', 'other:3').succeeds();
  await box.tsbuild('rmi', 'app', 'localhost:5000/team/app:2').succeeds();
  await box.tsbuild('prune', '--all').succeeds();
  const { stdoutBytes } = await box.tsbuild('save', '--format', 'oci-archive', 'other:3').succeeds();
  assert.equal((await readImage(stdoutBytes)).layers.length, 1);
  await box.tsbuild('save', 'app').fails({ exit: 2, stderr: /Cannot find image "app": the store has no such name/ });
  const { stdout: usage } = await box.tsbuild('du', '--json').succeeds();
  assert.equal(JSON.parse(usage).byKind.image.count, 1);
});

test('prune empties a store that has no names', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY f /f\n').file('c/f', 'content');
  await box.tsbuild('-o', 'type=none', 'c').succeeds();
  await box.tsbuild('prune', '--all').succeeds();
  const { stdout } = await box.tsbuild('du', '--json').succeeds();
  assert.equal(JSON.parse(stdout).totalBytes, 0);
});

test('prune is refused while a build uses the store, and --wait waits for it', {
  ...needs,
  ...requires('tool:flock'),
}, async () => {
  using box = await built();
  const build = box.run([
    'flock',
    '--shared',
    `${box.store}/lock`,
    'sh',
    '-c',
    'echo begun >&2; while ! [ -e end ]; do sleep 0.1; done',
  ]);
  await build.shows(/begun/);
  await box.tsbuild('prune', '--all').fails({ exit: 5, stderr: [/a build uses it/, /^hint: .*--wait/m] });
  const prune = box.tsbuildWith({ isAlone: true }, 'prune', '--all', '--wait');
  await prune.shows(/Waiting for the builds that use the store/);
  box.file('end');
  await build.succeeds();
  assert.match((await prune.succeeds()).stdout, /^Removed /m);
});

test('a prune that waits ends when it is told to', { ...needs, ...requires('tool:flock') }, async () => {
  using box = await built();
  const build = box.run([
    'flock',
    '--shared',
    `${box.store}/lock`,
    'sh',
    '-c',
    'echo begun >&2; while ! [ -e end ]; do sleep 0.1; done',
  ]);
  await build.shows(/begun/);
  const prune = box.tsbuildWith({ isAlone: true }, 'prune', '--wait');
  await prune.shows(/Waiting for the builds/);
  prune.child.kill('SIGINT');
  await prune.fails({ exit: 130 });
  box.file('end');
  await build.succeeds();
});
