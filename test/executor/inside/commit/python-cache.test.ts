import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sourceOfPythonCache } from '../../../../executor/inside/commit/python-cache.ts';
import { pathOfText } from '../../../../registry/oci/raw-path.ts';

const rows: readonly [path: string, source: string | undefined][] = [
  ['a/__pycache__/m.cpython-311.pyc', 'a/m.py'],
  ['__pycache__/m.cpython-311.opt-2.pyc', 'm.py'],
  ['a/__pycache__/with.dots.pypy39.pyc', 'a/with.dots.py'],
  ['a/m.pyc', 'a/m.py'],
  ['m.pyc', 'm.py'],
  ['a/__pycache__/m.pyc', undefined],
  ['a/__pycache__/m.cpython-311.pyo', undefined],
  ['a/m.py', undefined],
];

for (const [path, source] of rows) {
  test(`sourceOfPythonCache() of ${path}`, () => assert.equal(sourceOfPythonCache(pathOfText(path)), source));
}
