import assert from 'node:assert/strict';
import { chmodSync, utimesSync } from 'node:fs';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');

async function prepared(): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box
    .file('c/Containerfile', 'FROM base\nCOPY input /input\nRUN wc -c < /input > /size\nRUN cat /size > /last\n')
    .file('c/input', 'four');
}

/** Titles of the steps that were not cached. */
async function ran(box: Sandbox, ...args: readonly string[]): Promise<readonly string[]> {
  const { stderr } = await box.tsbuild('--progress=plain', '--build-context', 'base=oci-layout://base', ...args, 'c').succeeds();
  const titles = new Map([...stderr.matchAll(/^#(\d+) \[[^\]]*\] (.*)$/gm)].map(([, id = '', title = '']) => [id, title]));
  const cached = new Set([...stderr.matchAll(/^#(\d+) CACHED$/gm)].map(([, id]) => id));
  return [...titles].filter(([id, title]) => !cached.has(id) && /^(COPY|RUN|WORKDIR|ADD)/.test(title)).map(([, title]) => title);
}

test('the second build runs nothing', needs, async () => {
  using box = await prepared();
  assert.equal((await ran(box)).length, 3);
  assert.deepEqual(await ran(box), []);
});

test('a touched file changes nothing', needs, async () => {
  using box = await prepared();
  await ran(box);
  utimesSync(box.at('c/input'), new Date(), new Date(0));
  assert.deepEqual(await ran(box), []);
});

test('a changed byte runs what depends on it', needs, async () => {
  using box = await prepared();
  await ran(box);
  box.file('c/input', 'five');
  assert.equal((await ran(box, '-o', 'type=oci,dest=o.tar')).length, 3);
  const { layers } = await readImage(box.at('o.tar'));
  assert.equal(layers[1]?.get('input')?.content.toString(), 'five');
});

test('a step that runs again and makes the same bytes ends the changes', needs, async () => {
  using box = await prepared();
  box.file(
    'c/Containerfile',
    'FROM base AS a\nCOPY input /input\nRUN wc -c < /input > /size\nFROM base\nCOPY --from=a /size /\nRUN cat /size > /last\n',
  );
  await ran(box);
  // The same size: /size has the same content.
  const steps = await ran(box.file('c/input', 'five'));
  assert.deepEqual(
    steps.map((title) => title.split(' ').slice(0, 2).join(' ')),
    ['COPY input', 'RUN wc'],
  );
});

test('a changed mode is a change', needs, async () => {
  using box = await prepared();
  await ran(box);
  chmodSync(box.at('c/input'), 0o755);
  assert.match((await ran(box))[0] ?? '', /^COPY/);
});

test('--no-cache runs everything, and gives the same image', needs, async () => {
  using box = await prepared();
  await ran(box, '-o', 'type=oci,dest=a.tar');
  assert.equal((await ran(box, '--no-cache', '-o', 'type=oci,dest=b.tar')).length, 3);
  assert.equal((await readImage(box.at('a.tar'))).manifestDigest, (await readImage(box.at('b.tar'))).manifestDigest);
});

test('a cached build starts no worker and reads no base layer', needs, async () => {
  using box = await prepared();
  await ran(box);
  // With programs for ids that fail, and with the base's layers gone, a worker or a layer could not be had.
  for (const name of ['newuidmap', 'newgidmap']) box.file(`broken/${name}`, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const { rmSync, readdirSync, statSync } = await import('node:fs');
  const blobs = box.at('base/blobs/sha256');
  for (const name of readdirSync(blobs)) if (statSync(`${blobs}/${name}`).size > 100_000) rmSync(`${blobs}/${name}`);
  const { stderr } = await box
    .tsbuildWith(
      { environment: { PATH: box.at('broken') } },
      '--progress=plain',
      '--build-context',
      'base=oci-layout://base',
      'c',
    )
    .succeeds();
  assert.doesNotMatch(stderr, /user id|namespace/);
});

test('--explain says what has changed', needs, async () => {
  using box = await prepared();
  await ran(box);
  box.file('c/input', 'more');
  const { stderr } = await box.tsbuild('--explain', '--build-context', 'base=oci-layout://base', 'c').succeeds();
  assert.match(stderr, /not cached: .*input/);
});
