import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LayersTree } from '../../../builder/context/layers-tree.ts';
import type { FileTree } from '../../../builder/context/tree.ts';
import { AT_FDCWD, S_IFCHR } from '../../../native/constants.ts';
import { mknodat } from '../../../native/files.ts';
import { setXattr } from '../../../native/xattrs.ts';
import { type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';
import { requires } from '../../support/requires.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { layer, sha256 } from './memory-tree.ts';

/** All paths with what they are: `d/`, `f=digest`, `l->target`. */
function described(tree: FileTree, folder: RawPath = rawPath('')): readonly string[] {
  return tree.list(folder).flatMap((name) => {
    const child = rawPath(folder === '' ? name : `${folder}/${name}`);
    const entry = tree.lookup(child);
    if (entry?.type === 'directory') return [`${child}/`, ...described(tree, child)];
    if (entry?.type === 'symlink') return [`${child}->${entry.target}`];
    return [entry?.type === 'file' ? `${child}=${entry.digest?.slice(0, 8)}` : `${child} ${entry?.type}`];
  });
}

const x = `=${sha256('x').slice(0, 8)}`;
const y = `=${sha256('y').slice(0, 8)}`;

const rows: readonly (readonly [what: string, layers: readonly (readonly string[])[], expected: readonly string[]])[] = [
  [
    'folders merge',
    [
      ['d/', 'd/a=x'],
      ['d/', 'd/b=y'],
    ],
    ['d/', `d/a${x}`, `d/b${y}`],
  ],
  ['an upper file wins', [['f=x'], ['f=y']], [`f${y}`]],
  ['a whiteout removes a file', [['d/', 'd/a=x', 'd/b=x'], ['-d/a']], ['d/', `d/b${x}`]],
  ['a whiteout removes a folder', [['d/', 'd/a=x'], ['-d']], []],
  [
    'a whiteout and the path in one layer',
    [
      ['d/', 'd/a=x'],
      ['-d', 'd/', 'd/b=y'],
    ],
    ['d/', `d/b${y}`],
  ],
  ['a whiteout hides only what is below', [['d/a=x'], ['d/a=y', '-d/a']], ['d/', `d/a${y}`]],
  [
    'an opaque folder',
    [
      ['d/', 'd/a=x', 'd/e/', 'd/e/f=x'],
      ['d/', '!d', 'd/b=y'],
    ],
    ['d/', `d/b${y}`],
  ],
  ['a file over a folder', [['d/', 'd/a=x'], ['d=y']], [`d${y}`]],
  ['a folder over a file', [['d=x'], ['d/', 'd/a=y']], ['d/', `d/a${y}`]],
  ['a folder over a link', [['bin->usr/bin'], ['bin/', 'bin/a=x']], ['bin/', `bin/a${x}`]],
  ['folders that are only implied', [['a/b/c=x']], ['a/', 'a/b/', `a/b/c${x}`]],
  ['a hard link', [['a=x', 'b<=a']], [`a${x}`, `b${x}`]],
  ['a hard link whose target is replaced', [['a=x', 'b<=a'], ['a=y']], [`a${y}`, `b${x}`]],
  ['a hard link to a lower layer', [['a=x'], ['b<=a']], [`a${x}`, `b${x}`]],
  ['a hard link to nothing', [['b<=a']], []],
];

test('LayersTree merges layers as an overlay does', () => {
  for (const [what, layers, expected] of rows) {
    const tree = new LayersTree(
      'a stage',
      layers.map((lines) => layer(...lines)),
    );
    assert.deepEqual(described(tree), expected, what);
  }
});

test('LayersTree tells which names share a file', () => {
  const tree = new LayersTree('a stage', [layer('a=x', 'b<=a', 'c=x'), layer('d<=a')]);
  const linkOf = (name: string): string | undefined => {
    const entry = tree.lookup(rawPath(name));
    return entry?.type === 'file' ? entry.link : undefined;
  };
  assert.equal(linkOf('a'), linkOf('b'));
  assert.equal(linkOf('a'), linkOf('d'));
  assert.notEqual(linkOf('a'), undefined);
  assert.equal(linkOf('c'), undefined);
});

test('LayersTree keeps the attributes that a lower layer gave an implied folder', () => {
  const tree = new LayersTree('a stage', [layer('d/', 'd/a=x'), layer('d/b=y'), layer('e/f=x')]);
  assert.deepEqual(tree.lookup(rawPath('d')), { type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 7 });
  assert.deepEqual(tree.lookup(rawPath('e')), { type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0 });
});

// The same layers as folders, merged by the kernel.

/** Makes the overlay folder of a layer: whiteouts are devices 0:0, opaque folders carry an attribute. */
function makeLayer(folder: string, lines: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  for (const line of lines) {
    const name = line.replace(/^[-!]|\/$|(->|<=|=).*$/g, '');
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    if (line.startsWith('-')) mknodat(AT_FDCWD, file, S_IFCHR, 0, 0);
    else if (line.startsWith('!')) setXattr(file, 'user.overlay.opaque', Buffer.from('y'));
    else if (line.endsWith('/')) mkdirSync(file, { recursive: true });
    else if (line.includes('->')) symlinkSync(line.split('->')[1] ?? '', file);
    else if (line.includes('<=')) linkSync(path.join(folder, line.split('<=')[1] ?? ''), file);
    else writeFileSync(file, line.split('=')[1] ?? '');
  }
}

/** What is in the merged view, told as described() does. */
function kernelView(folder: string, layers: number): readonly string[] {
  const lowers = Array.from({ length: layers }, (_, index) => `${folder}/${layers - 1 - index}`);
  mkdirSync(`${folder}/merged`);
  const script = [
    `mount -t overlay overlay -o userxattr,lowerdir=${lowers.join(':')}:${folder}/empty ${folder}/merged || exit 9`,
    `cd ${folder}/merged && find . -mindepth 1 \\( -type d -printf '%P/\\n' -o -type l -printf '%P->%l\\n' -o -type f -printf '%P=' -exec cat {} \\; -printf '\\n' \\)`,
  ].join('\n');
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => line.replace(/=(.*)$/, (_, content: string) => `=${sha256(content).slice(0, 8)}`)).toSorted();
}

const name = fc.constantFrom('a', 'b', 'c');
const paths = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const kinds = fc.constantFrom('file', 'folder', 'link', 'whiteout', 'opaque');

const isFolder = (kind: string | undefined): boolean => kind === 'folder' || kind === 'opaque';

/** Lines of a layer that a folder can be made of: nothing below a file, one thing at a path, parents first. */
const layers = fc.array(fc.tuple(paths, kinds, fc.constantFrom('x', 'y')), { maxLength: 8 }).map((wishes) => {
  const byPath = new Map(wishes.map(([wanted, kind, content]) => [wanted, { kind, content }]));
  const lines: string[] = [];
  for (const [wanted, { kind, content }] of [...byPath].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const above = wanted.split('/').map((_, index, names) => names.slice(0, index).join('/'));
    const isBelowOther = above.slice(1).some((folder) => !isFolder(byPath.get(folder)?.kind));
    if (isBelowOther) continue;
    if (isFolder(kind)) lines.push(`${wanted}/`, ...(kind === 'opaque' ? [`!${wanted}`] : []));
    else if (kind === 'whiteout') lines.push(`-${wanted}`);
    else lines.push(kind === 'link' ? `${wanted}->${content}` : `${wanted}=${content}`);
  }
  return lines;
});

test('LayersTree agrees with overlayfs', requires('root', 'tool:unshare'), () => {
  using folder = temporaryFolder('layers');
  fc.assert(
    fc.property(fc.array(layers, { minLength: 1, maxLength: 4 }), (stack) => {
      mkdirSync(folder.at('empty'), { recursive: true });
      for (const [index, lines] of stack.entries()) makeLayer(folder.at(String(index)), lines);
      const expected = kernelView(folder.path, stack.length);
      const tree = new LayersTree(
        'a stage',
        stack.map((lines) => layer(...lines)),
      );
      for (const child of [...stack.keys(), 'merged']) rmSync(folder.at(String(child)), { recursive: true });
      assert.deepEqual(described(tree).toSorted(), expected);
    }),
    { numRuns: 60 },
  );
});
