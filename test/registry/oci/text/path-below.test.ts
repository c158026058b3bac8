import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAtOrBelow, isBelow } from '../../../../registry/oci/text/path-below.ts';

const rows: readonly (readonly [path: string, folder: string, where: 'below' | 'at' | 'elsewhere'])[] = [
  ['/a/b', '/a', 'below'],
  ['/a/b', '/a/', 'below'],
  ['/a', '/', 'below'],
  ['/a', '/a', 'at'],
  ['/ab', '/a', 'elsewhere'],
  ['/', '/a', 'elsewhere'],
  ['a/b', 'a', 'below'],
  ['a', '', 'elsewhere'],
];

for (const [path, folder, where] of rows) {
  test(`"${path}" is ${where} of "${folder}"`, () => {
    assert.deepEqual([isBelow(path, folder), isAtOrBelow(path, folder)], [where === 'below', where !== 'elsewhere']);
  });
}
