import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goMatcher, splitWildcards } from '../../../builder/patterns/go-match.ts';
import { PatternError } from '../../../builder/patterns/pattern.ts';
import { pathOfText, rawPath } from '../../../registry/oci/raw-path.ts';

const rows: readonly (readonly [pattern: string, name: string, expected: boolean])[] = [
  ['abc', 'abc', true],
  ['*', 'abc', true],
  ['*', '.hidden', true],
  ['*c', 'abc', true],
  ['a*', 'a', true],
  ['a*b*c*d*e*', 'axbxcxdxexxx', true],
  ['a*b?c*x', 'abxbbxdbxebxczzx', true],
  ['a*b?c*x', 'abxbbxdbxebxczzy', false],
  ['ab[c]', 'abc', true],
  ['ab[b-d]', 'abc', true],
  ['ab[e-g]', 'abc', false],
  ['ab[^c]', 'abc', false],
  ['ab[^e-g]', 'abc', true],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'ab', false],
  ['a?b', 'a☺b', true],
  ['a[^a]b', 'a☺b', true],
  ['a???b', 'a☺b', false],
  ['[a-ζ]*', 'α', true],
  ['*[a-ζ]', 'A', false],
  ['[\\]a]', ']', true],
  ['[\\-x]', '-', true],
  ['[\\-x]', 'a', false],
  ['[z-a]', 'b', false],
  ['[!a]', '!', true],
  ['[[]xyz]', '[xyz]', true],
  ['[*]', '*', true],
  ['[*]', 'a', false],
  ['**', 'abc', true],
  ['a**', 'abc', true],
  ['fil[e]', 'file', true],
  ['*.go', 'x.go.bak', false],
  ['a.b+c', 'a.b+c', true],
];

test('goMatcher() matches as filepath.Match does', () => {
  for (const [pattern, name, expected] of rows) {
    assert.equal(goMatcher(pattern).matches(pathOfText(name)), expected, `${pattern} on ${name}`);
  }
});

test('goMatcher() takes names that are not UTF-8', () => {
  assert.equal(goMatcher('a*').matches(rawPath('a\u00ff\u00fe')), true);
  assert.equal(goMatcher('a?').matches(rawPath('a\u00ff')), true);
});

test('goMatcher() refuses what filepath.Match refuses', () => {
  for (const pattern of ['[]a]', '[-]', '[x-]', '[-x]', '\\', '[a-b-c]', '[', '[^', '[^bc', 'a[', 'zz*a[']) {
    assert.throws(() => goMatcher(pattern), PatternError, pattern);
  }
});

test('splitWildcards() takes what comes before the first wildcard literally', () => {
  assert.deepEqual(splitWildcards('a/b'), { prefix: 'a/b', patterns: [] });
  assert.deepEqual(splitWildcards('a/b*/c'), { prefix: 'a', patterns: ['b*', 'c'] });
  assert.deepEqual(splitWildcards('*'), { prefix: '', patterns: ['*'] });
  // A backslash hides the wildcard from the search, so the path is literal, backslash and all, as in BuildKit.
  assert.deepEqual(splitWildcards('a\\*b'), { prefix: 'a\\*b', patterns: [] });
  assert.deepEqual(splitWildcards('a\\*b*'), { prefix: '', patterns: ['a\\*b*'] });
});
