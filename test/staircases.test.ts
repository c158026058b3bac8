import assert from 'node:assert/strict';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { importsOf, sourceFiles } from './support/source-files.ts';
import { staircases } from './support/staircases.ts';

const parts = ['native', 'parser', 'registry', 'cache', 'executor', 'builder'];
const mostFloors = 7;
const mostFiles = 20;

interface Arrow {
  readonly from: string;
  readonly to: string;
}

for (const [root, rows] of Object.entries(staircases)) {
  const order = Object.keys(rows);
  const files = sourceFiles(root);
  const rowOf = (path: string): string => relative(root, dirname(path)) || '.';
  const arrows = files
    .flatMap((path) => arrowsOf(path))
    .filter(({ to }) => to.startsWith(`${root}/`) && rowOf(to) !== '..')
    .map(({ from, to }) => ({ from, to, fromRow: rowOf(from), toRow: rowOf(to) }))
    .filter(({ fromRow, toRow }) => fromRow !== toRow);

  test(`each folder of ${root} has a row, and each row a folder`, () => {
    assert.deepEqual([...new Set(files.map(rowOf))].toSorted(), order.toSorted());
  });

  test(`each folder of ${root} imports what its row lists, and all of that`, () => {
    const used = Object.fromEntries(
      order.map((row) => [
        row,
        [...new Set(arrows.filter(({ fromRow }) => fromRow === row).map(({ toRow }) => toRow))].toSorted(),
      ]),
    );
    assert.deepEqual(used, Object.fromEntries(order.map((row) => [row, (rows[row] ?? []).toSorted()])));
  });

  test(`the folders of ${root} look down only`, () => {
    const up = order.flatMap((row, index) =>
      (rows[row] ?? []).filter((below) => order.indexOf(below) <= index).map((below) => `${row} -> ${below}`),
    );
    assert.deepEqual(up, []);
  });

  test(`no folder of ${root} has one file alone, or more than ${mostFiles}`, () => {
    const counts = order
      .map((row) => ({ row, count: files.filter((path) => rowOf(path) === row).length }))
      .filter(({ row, count }) => count > mostFiles || (count === 1 && !order.some((other) => isInside(other, row))));
    assert.deepEqual(counts, []);
  });
}

test(`builder stands on ${mostFloors} floors below its doors`, () => {
  const rows = Object.entries(staircases['builder'] ?? {}).filter(([row]) => row !== '.');
  const floors = new Map<string, number>();
  for (const folder of new Set(rows.map(([row]) => outerOf(row)).toReversed())) {
    const below = rows.filter(([row]) => outerOf(row) === folder).flatMap(([, allowed]) => allowed.map(outerOf));
    floors.set(folder, 1 + Math.max(0, ...below.filter((name) => name !== folder).map((name) => floors.get(name) ?? Number.NaN)));
  }
  assert.equal(Math.max(...floors.values()), mostFloors);
});

test('tests of a folder lie in a folder of the same name', () => {
  const folders = new Set(parts.flatMap(sourceFiles).flatMap((path) => foldersAbove(path)));
  const stray = parts
    .flatMap((part) => sourceFiles(`test/${part}`))
    .filter((path) => !folders.has(relative('test', dirname(path))));
  assert.deepEqual(stray, []);
});

test('no two folders import each other, taken with all that is in them', () => {
  const files = parts.flatMap(sourceFiles);
  const circles = [...new Set(files.flatMap(foldersAbove))].flatMap((outer) => {
    const within = files.filter((path) => path.startsWith(`${outer}/`));
    const partOf = (path: string): string => join(outer, relative(outer, path).split('/')[0] ?? '');
    const imports = new Map<string, readonly string[]>();
    for (const { from, to } of within.flatMap(arrowsOf)) {
      const [above, below] = [partOf(from), partOf(to)];
      if (above !== below && to.startsWith(`${outer}/`)) imports.set(above, [...(imports.get(above) ?? []), below]);
    }
    return circlesOf([...new Set(within.map(partOf))], imports);
  });
  assert.deepEqual(circles, []);
});

test('no two source files import each other, not even their types', () => {
  const files = parts.flatMap(sourceFiles);
  assert.deepEqual(circlesOf(files, new Map(files.map((path) => [path, arrowsOf(path).map(({ to }) => to)]))), []);
});

function arrowsOf(path: string): readonly Arrow[] {
  return importsOf(path)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => ({ from: path, to: normalize(join(dirname(path), specifier)) }));
}

/** What is left when everything that imports nothing of what is left is taken away, again and again. */
function circlesOf(files: readonly string[], imports: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const left = new Set(files);
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const path of left) if (!(imports.get(path) ?? []).some((to) => left.has(to))) left.delete(path);
  }
  return [...left].toSorted();
}

/** A file's folder, and those around it. */
function foldersAbove(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === '.' ? [] : [folder, ...foldersAbove(folder)];
}

function outerOf(row: string): string {
  return row.split('/')[0] ?? row;
}

function isInside(row: string, outer: string): boolean {
  if (outer === '.') return row !== '.';
  return row.startsWith(`${outer}/`);
}
