import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type LayerFile, layerTar, writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');

/** `up` leads from the root of a layer to the root of the machine, however deep the store is. */
const up = '../'.repeat(40);

const rows: readonly [title: string, files: (outside: string) => readonly LayerFile[]][] = [
  ['names with ..', (outside) => [{ name: `${up}${outside.slice(1)}/made`, content: 'x' }]],
  ['absolute names', (outside) => [{ name: `${outside}/made`, content: 'x' }]],
  [
    'a symlink and a file below it',
    (outside) => [
      { name: 'door', type: 'symlink', linkname: outside },
      { name: 'door/made', content: 'x' },
    ],
  ],
  [
    'a symlink with .. and a file below it',
    (outside) => [
      { name: 'door', type: 'symlink', linkname: `${up}${outside.slice(1)}` },
      { name: 'door/made', content: 'x' },
    ],
  ],
  [
    'a hard link to a file outside, then written',
    (outside) => [
      { name: 'stolen', type: 'link', linkname: `${up}${outside.slice(1)}/victim` },
      { name: 'stolen', content: 'overwritten' },
    ],
  ],
  ['a hard link with an absolute name', (outside) => [{ name: 'stolen', type: 'link', linkname: `${outside}/victim` }]],
  [
    'a hard link through a symlink',
    (outside) => [
      { name: 'door', type: 'symlink', linkname: outside },
      { name: 'stolen', type: 'link', linkname: 'door/victim' },
    ],
  ],
  [
    'a whiteout of something outside',
    (outside) => [
      { name: 'door', type: 'symlink', linkname: outside },
      { name: 'door/.wh.victim' },
      { name: `${up}${outside.slice(1)}/.wh.victim` },
      { name: 'door/.wh..wh..opq' },
    ],
  ],
];

for (const [title, files] of rows) {
  test(`a layer with ${title} does not leave its root`, needs, async () => {
    using box = sandbox();
    box.file('outside/victim', 'untouched');
    await writeBusyboxLayout(box.at('base'), { layers: [await layerTar(files(box.at('outside')))] });
    box.file('c/Containerfile', 'FROM base\nRUN cat /stolen 2>/dev/null; echo run\n');
    const { exit, stderr } = await box.tsbuild('--build-context', 'base=oci-layout://base', 'c').finished();
    // Refused (the image is bad), or contained; a defect would be neither.
    assert.ok(exit === 0 || exit === 4, stderr);
    assert.deepEqual(readdirSync(box.at('outside')), ['victim']);
    assert.equal(readFileSync(box.at('outside/victim'), 'utf8'), 'untouched');
    assert.doesNotMatch(stderr, /untouched/);
  });
}

test('a COPY through a link in the image stays in the image', needs, async () => {
  using box = sandbox();
  box.folder('outside').file('c/file', 'x');
  const door: LayerFile = { name: 'door', type: 'symlink', linkname: box.at('outside') };
  await writeBusyboxLayout(box.at('base'), { layers: [await layerTar([door])] });
  box.file('c/Containerfile', 'FROM base\nCOPY file /door/made\nRUN cat /door/made\n');
  await box.tsbuild('--build-context', 'base=oci-layout://base', 'c').succeeds();
  assert.deepEqual(readdirSync(box.at('outside')), []);
});

test('a whiteout of nothing is not seen, neither by RUN nor in outputs', needs, async () => {
  using box = sandbox();
  const folder = { name: 'd', type: 'directory' } as const;
  const ghosts = [folder, { name: 'd/.wh.gone' }, { name: 'd/kept' }, { name: '.wh.never' }];
  await writeBusyboxLayout(box.at('base'), { layers: [await layerTar(ghosts)] });
  box.file('c/Containerfile', 'FROM base AS a\nRUN ls -A /d > /list && rm -r /d\nFROM base\nCOPY --from=a /list /\n');
  await box.tsbuild('--build-context', 'base=oci-layout://base', '-o', 'out', 'c').succeeds();
  assert.equal(readFileSync(box.at('out/list'), 'utf8'), 'kept\n');
  assert.deepEqual(readdirSync(box.at('out/d')), ['kept']);
});
