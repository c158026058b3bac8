import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LayerContents, LayerHistory } from '../../../builder/layers/layer-contents.ts';
import type { LayerEntry } from '../../../registry/oci/layer/layer-entry.ts';
import { pathOfText } from '../../../registry/oci/raw-path.ts';

const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 0 };

/** `path=10` a file of 10 bytes, `path/` a folder, `path>target` a hard link, `-path` a whiteout, `!path` an opaque folder. */
function entry(text: string): LayerEntry {
  const [, removed, path = '', kind = '', rest = ''] = /^([-!]?)([^=>]*?)([=>/]?)([^=>/]*(?:\/[^=>]*)?)$/.exec(text) ?? [];
  if (removed === '-') return { type: 'whiteout', path: pathOfText(text.slice(1)) };
  if (removed === '!') return { type: 'opaque', path: pathOfText(text.slice(1)) };
  if (text.endsWith('/')) return { ...attributes, type: 'directory', path: pathOfText(text.slice(0, -1)) };
  if (kind === '>') return { ...attributes, type: 'hardlink', path: pathOfText(path), target: pathOfText(rest) };
  return {
    ...attributes,
    type: 'file',
    path: pathOfText(text.split('=')[0] ?? ''),
    size: Number(text.split('=')[1]),
    digest: '',
  };
}

async function contentsOf(layers: readonly (readonly string[])[]): Promise<readonly LayerContents[]> {
  const history = new LayerHistory();
  for (const layer of layers) await history.add(stream(layer.map(entry)));
  return history.layers();
}

async function* stream(entries: readonly LayerEntry[]): AsyncGenerator<LayerEntry> {
  yield* entries;
}

type Short = readonly [added: number, changed: number, hidden: number, bytes: number, wastedBytes: number];

const rows: readonly [what: string, layers: readonly (readonly string[])[], expected: readonly Short[]][] = [
  ['a new file', [['a=5']], [[1, 0, 0, 5, 0]]],
  [
    'a file that is replaced',
    [['a=5'], ['a=7']],
    [
      [1, 0, 0, 5, 5],
      [0, 1, 1, 7, 0],
    ],
  ],
  [
    'a file that is removed',
    [['a=5'], ['-a']],
    [
      [1, 0, 0, 5, 5],
      [0, 0, 1, 0, 0],
    ],
  ],
  [
    'a folder that is only on the way',
    [
      ['d/', 'd/a=5'],
      ['d/', 'd/b=1'],
    ],
    [
      [2, 0, 0, 5, 0],
      [1, 0, 0, 1, 0],
    ],
  ],
  [
    'a folder that is removed',
    [['d/', 'd/a=5', 'd/b=6'], ['-d']],
    [
      [3, 0, 0, 11, 11],
      [0, 0, 3, 0, 0],
    ],
  ],
  [
    'an opaque folder',
    [
      ['d/', 'd/a=5'],
      ['d/', '!d', 'd/b=1'],
    ],
    [
      [2, 0, 0, 5, 5],
      [1, 0, 1, 1, 0],
    ],
  ],
  [
    'an opaque folder, marked last',
    [
      ['d/', 'd/a=5'],
      ['d/', 'd/b=1', '!d'],
    ],
    [
      [2, 0, 0, 5, 5],
      [1, 0, 1, 1, 0],
    ],
  ],
  [
    'a folder that becomes a file',
    [['d/', 'd/a=5'], ['d=1']],
    [
      [2, 0, 0, 5, 5],
      [0, 1, 2, 1, 0],
    ],
  ],
  [
    'one name of a file with two',
    [['a=5', 'b>a'], ['-a']],
    [
      [2, 0, 0, 5, 0],
      [0, 0, 1, 0, 0],
    ],
  ],
  [
    'both names of a file',
    [
      ['a=5', 'b>a'],
      ['-a', '-b'],
    ],
    [
      [2, 0, 0, 5, 5],
      [0, 0, 2, 0, 0],
    ],
  ],
  [
    'a file that comes back',
    [['a=5'], ['-a'], ['a=5']],
    [
      [1, 0, 0, 5, 5],
      [0, 0, 1, 0, 0],
      [1, 0, 0, 5, 0],
    ],
  ],
  [
    'a whiteout of nothing',
    [['a=5'], ['-b']],
    [
      [1, 0, 0, 5, 0],
      [0, 0, 0, 0, 0],
    ],
  ],
];

for (const [what, layers, expected] of rows) {
  test(`LayerHistory counts ${what}`, async () => {
    const contents = await contentsOf(layers);
    const short = contents.map(({ added, changed, hidden, bytes, wastedBytes }) => [added, changed, hidden, bytes, wastedBytes]);
    assert.deepEqual(short, expected);
  });
}

test('LayerHistory names the largest wasted files and what hides them', async () => {
  const files = Array.from({ length: 300 }, (_, index) => `f${index}=${index}`);
  const [lower] = await contentsOf([files, ['x=1'], files.map((text) => `-${text.split('=')[0]}`)]);
  assert.equal(lower?.wastedBytes, (299 * 300) / 2);
  assert.equal(lower?.wasted.length, 10);
  assert.deepEqual(lower?.wasted[0], { path: '/f299', bytes: 299, hiddenBy: 2 });
});
