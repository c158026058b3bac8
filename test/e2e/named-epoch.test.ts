import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FileServer } from '../support/file-server.ts';
import { GitServer } from '../support/git-server.ts';
import { readImage } from '../support/image-archive.ts';
import { layerTar } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');
const withGit = requires('user:subids', 'tool:git');

const file = 'ARG SOURCE_DATE_EPOCH=context\nFROM scratch\nARG SOURCE_DATE_EPOCH\nCOPY <<E /f\nE\n';
/** What an image carries when nobody asks for a time. */
const constant = '1980-01-02T00:00:00Z';
const lastModified = 'Fri, 02 Jan 2015 00:00:00 GMT';

async function tar(...times: readonly string[]): Promise<Uint8Array> {
  const newer = { name: 'folder', type: 'directory', mtime: new Date('2030-01-01T00:00:00Z') } as const;
  const files = times.map((time, index) => ({ name: `f${index}`, content: 'x', mtime: new Date(time) }));
  return layerTar([newer, { name: 'Containerfile', content: file, mtime: new Date(0) }, ...files]);
}

/** When the image says it was made, what its last layer says, and the ARG of its history. */
async function timesOf(box: Sandbox, stdin: Uint8Array | undefined, ...args: readonly string[]): Promise<readonly unknown[]> {
  await box.tsbuildWith(stdin === undefined ? {} : { stdin }, '-o', 'type=oci,dest=o.tar', ...args).succeeds();
  const { config, layers } = await readImage(box.at('o.tar'));
  const argument = config.history.map(({ created_by }) => created_by).find((text) => text?.startsWith('ARG '));
  return [config.created, layers.at(-1)?.get('f')?.header.mtime?.toISOString().replace('.000', ''), argument];
}

function expected(time: string): readonly unknown[] {
  return [time, time, `ARG SOURCE_DATE_EPOCH=${Date.parse(time) / 1000}`];
}

const without = [constant, constant, 'ARG SOURCE_DATE_EPOCH'];

test('X18: the time of a git context is that of the commit, also when it is not fetched again', withGit, async () => {
  await using server = await GitServer.start();
  using box = sandbox();
  server.repository('r').write('Containerfile', file).commit('first');
  assert.deepEqual(await timesOf(box, undefined, server.url('r')), expected('2001-02-03T04:05:06Z'));
  assert.deepEqual(await timesOf(box, undefined, server.url('r')), expected('2001-02-03T04:05:06Z'));
});

test('X18: the time of a URL is what the server says, else the newest file of the archive', needs, async () => {
  const content = await tar('2011-01-01T00:00:00Z', '2012-01-01T00:00:00Z', '2010-01-01T00:00:00Z');
  await using server = await FileServer.start({ '/said': { content, lastModified }, '/unsaid': { content } });
  using box = sandbox();
  assert.deepEqual(await timesOf(box, undefined, `${server.url}/said`), expected('2015-01-02T00:00:00Z'));
  assert.deepEqual(await timesOf(box, undefined, `${server.url}/unsaid`), expected('2012-01-01T00:00:00Z'));
});

test('X18: the time of an archive on standard input is that of its newest file', needs, async () => {
  using box = sandbox();
  assert.deepEqual(await timesOf(box, await tar('2012-01-01T00:00:00Z'), '-'), expected('2012-01-01T00:00:00Z'));
});

test('X18: a folder has no time', needs, async () => {
  using box = sandbox().file('Containerfile', file);
  assert.deepEqual(await timesOf(box, undefined, '.'), without);
});

test('X19: the time of a stage is that of what it adds, and of a named context that of the context', withGit, async () => {
  const content = await tar('2012-01-01T00:00:00Z');
  await using server = await FileServer.start({ '/said': { content, lastModified }, '/unsaid': { content } });
  await using git = await GitServer.start();
  git.repository('r').write('f', 'x').commit('first');
  using box = sandbox();
  const stages = [
    `FROM scratch AS said\nADD ${server.url}/said /x`,
    `FROM scratch AS unsaid\nADD ${server.url}/unsaid /x`,
    `FROM scratch AS repository\nADD ${git.url('r')} /`,
  ];
  box.file('c/Containerfile', `${stages.join('\n')}\nFROM scratch\nARG SOURCE_DATE_EPOCH\nCOPY <<E /f\nE\n`);
  const named = (name: string) => [
    '--build-arg',
    `SOURCE_DATE_EPOCH=${name}`,
    '--build-context',
    `other=${server.url}/said`,
    'c',
  ];
  assert.deepEqual(await timesOf(box, undefined, ...named('said')), expected('2015-01-02T00:00:00Z'));
  assert.deepEqual(await timesOf(box, undefined, ...named('unsaid')), expected('2012-01-01T00:00:00Z'));
  assert.deepEqual(await timesOf(box, undefined, ...named('repository')), expected('2001-02-03T04:05:06Z'));
  assert.deepEqual(await timesOf(box, undefined, ...named('other')), expected('2015-01-02T00:00:00Z'));
});

test('X19: the name may come from the environment, and must be one', needs, async () => {
  using box = sandbox({ environment: { SOURCE_DATE_EPOCH: 'src' } });
  box.file('Containerfile', 'FROM scratch AS src\nRUN x\nFROM scratch\n');
  await box
    .tsbuild('.')
    .fails({ exit: 2, stderr: /^error: Cannot take SOURCE_DATE_EPOCH from the stage: .*\n --> Containerfile:2:1/m });
  box.file('Containerfile', 'FROM scratch\n');
  await box.tsbuild('.').fails({ exit: 2, stderr: /Cannot use "src" as SOURCE_DATE_EPOCH: it is neither/ });
  await box.tsbuild('check', '.').succeeds();
  await box.tsbuild('check', '--build-arg', 'SOURCE_DATE_EPOCH=src', '.').fails({ exit: 2 });
});
