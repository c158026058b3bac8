import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type IgnoreRules, type IgnoreState, parseIgnoreFile } from '../../../builder/patterns/ignore.ts';
import { pathOfText, rawPath } from '../../../registry/oci/raw-path.ts';

function rulesOf(text: string): IgnoreRules {
  const { rules, diagnostics } = parseIgnoreFile({ name: '.dockerignore', text });
  assert.deepEqual(diagnostics, []);
  return rules;
}

/** Walks down to a path as a scan does. */
function isIgnored(rules: IgnoreRules, path: string): boolean {
  let state: IgnoreState | undefined;
  let isHidden = false;
  const components = path.split('/');
  for (const index of components.keys()) {
    const verdict = rules.verdict(pathOfText(components.slice(0, index + 1).join('/')), state);
    if (verdict.isFinal) return true;
    state = verdict.state;
    isHidden = verdict.isIgnored;
  }
  return isHidden;
}

/** Lines, path, whether it is ignored. */
const rows: readonly (readonly [lines: string, path: string, expected: boolean])[] = [
  ['ba*\n!bay', 'bar', true],
  ['ba*\n!bay', 'baz', true],
  ['ba*\n!bay', 'bay', false],
  ['a/*\n!a/usr/bin/*', 'a/etc/x', true],
  ['a/*\n!a/usr/bin/*', 'a/usr/bin/x', false],
  ['# comment', '# comment', false],
  [' # no comment', '# no comment', true],
  ['**/*-a\n!**/*-c', 'sub/x-a', true],
  ['**/*-a\n!**/*-c', 'sub/x-c', false],
  ['!**/*-c', 'x-c', false],
  ['**/name', 'name', true],
  ['**/name', 'a/b/name', true],
  ['**/name', 'a/b/name/below', true],
  ['**/name', 'a/b/surname', false],
  ['name', 'a/name', false],
  ['name-*', 'name-x', true],
  ['name-*', 'a/name-x', false],
  ['**/name-*', 'a/name-x', true],
  ['a\n!a/b', 'a/b', false],
  ['a\n!a/b', 'a/c', true],
  ['a/b\n!a/b/c', 'a/b/c', false],
  ['a/b\n!a/b/c', 'a/b/d', true],
  ['*\n!subdir', 'subdir/file', false],
  ['*\n!sub*', 'subdir/file', false],
  ['*.md\n!README*.md\nREADME-secret.md', 'README.md', false],
  ['*.md\n!README*.md\nREADME-secret.md', 'README-secret.md', true],
  ['!README*.md\n*.md', 'README.md', true],
  ['/foo', 'foo', true],
  ['./foo/', 'foo', true],
  ['foo/../bar', 'bar', true],
  ['! /foo\nfoo', 'foo', true],
  ['foo\n! /foo', 'foo', false],
  ['../foo', 'foo', false],
  ['dir/**', 'dir', false],
  ['dir/**', 'dir/x/y', true],
  ['dir/**/x', 'dir/x', true],
  ['dir/**/x', 'dir/a/b/x', true],
  ['a**/*.txt', 'a/d/e/file.txt', true],
  ['**', 'anything/at/all', true],
  ['**/', 'x', true],
  ['**\n!util/docker/web', 'util/docker/web/foo', false],
  ['**\n!util/docker/web\nutil/docker/web/foo', 'util/docker/web/foo', true],
  ['**\n!dist/*.whl', 'dist/x-1.0+g1.whl', false],
  ['**/.foo', 'bar.foo', false],
  ['.*', '.foo', true],
  ['.*', 'foo', false],
  ['abc.def', 'abcZdef', false],
  ['abc?def', 'abcZdef', true],
  ['a?b', 'a☺b', true],
  ['a[b-d]e', 'ace', true],
  ['a[^b-d]e', 'ace', false],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'axb', false],
  ['[[]x', '[x', true],
  ['a{1}', 'a{1}', true],
  ['a(b)|c', 'a(b)|c', true],
  ['Case', 'case', false],
  ['\uFEFFfirst', 'first', true],
  ['crlf\r\nx', 'crlf', true],
  // BuildKit's walk forgets a pattern that could not change the verdict on the folder.
  ['x/y\n!x', 'x/y', true],
];

test('an ignore file hides what BuildKit hides', () => {
  for (const [lines, path, expected] of rows) {
    assert.equal(isIgnored(rulesOf(lines), path), expected, `${JSON.stringify(lines)} on ${path}`);
  }
});

const wrong: readonly (readonly [line: string, message: string])[] = [
  ['!', 'Cannot read line 1 of f: pattern "!": nothing follows the exclamation mark'],
  ['[', 'Cannot read line 1 of f: pattern "[": a "[" has no "]"'],
  ['a[', 'Cannot read line 1 of f: pattern "a[": a "[" has no "]"'],
  ['[]a]', 'Cannot read line 1 of f: pattern "[]a]": "]" must be written "\\]" in "[...]"'],
  ['[x-]', 'Cannot read line 1 of f: pattern "[x-]": "]" must be written "\\]" in "[...]"'],
  ['[a-b-c]', 'Cannot read line 1 of f: pattern "[a-b-c]": "-" must be written "\\-" in "[...]"'],
  ['x\\', 'Cannot read line 1 of f: pattern "x\\": it ends with a backslash'],
];

test('parseIgnoreFile() reports wrong patterns with their span and keeps the others', () => {
  for (const [line, message] of wrong) {
    const { rules, diagnostics } = parseIgnoreFile({ name: 'f', text: `${line}\ngood\n` });
    assert.deepEqual(
      diagnostics.map(({ code, message: text, span }) => ({ code, text, span })),
      [{ code: 'ignore-pattern', text: message, span: { source: 0, start: 0, end: line.length } }],
    );
    assert.equal(isIgnored(rules, 'good'), true);
  }
});

test('hiddenBy() names the line that decides', () => {
  const rules = rulesOf('# all of them\n*.log\n!keep.log\nsub\n');
  assert.equal(rules.hiddenBy(rawPath('a.log')), '.dockerignore:2 ("*.log")');
  assert.equal(rules.hiddenBy(rawPath('sub/deep/file')), '.dockerignore:4 ("sub")');
  assert.equal(rules.hiddenBy(rawPath('keep.log')), undefined);
  assert.equal(rules.hiddenBy(rawPath('other')), undefined);
});

test('a pattern that would make a backtracking matcher run for ages is matched at once', () => {
  const rules = rulesOf(`**/${'*a'.repeat(20)}b`);
  assert.equal(isIgnored(rules, `x/${'a'.repeat(250)}`), false);
  assert.equal(isIgnored(rules, `x/${'a'.repeat(250)}b`), true);
});

// The rules again, as plainly as they can be said: a pattern becomes one regular expression, and the walk is BuildKit's.

interface NaiveRule {
  readonly isException: boolean;
  readonly expression: RegExp;
}

function naiveRule(line: string): NaiveRule {
  const isException = line.startsWith('!');
  const pattern = isException ? line.slice(1) : line;
  // Docker compares the end of the path with what follows a leading "**", so "**a" also matches "ba".
  const end = /^\*\*([^*?]+)$/.exec(pattern)?.[1];
  if (end !== undefined) {
    return {
      isException,
      expression: new RegExp(`(${end.startsWith('/') ? '^|' : ''}^.*${end[0]})${end.slice(1).replace(/[.]/g, '\\.')}$`),
    };
  }
  const source = pattern
    .split(/(\*\*\/?|\*|\?)/)
    .map((piece, index, pieces) => {
      if (piece.startsWith('**')) return pieces.slice(index + 1).every((rest) => rest === '') ? '.*' : '(.*/)?';
      if (piece === '*') return '[^/]*';
      return piece === '?' ? '[^/]' : piece.replace(/[.]/g, '\\.');
    })
    .join('');
  return { isException, expression: new RegExp(`^${source}$`) };
}

/** Of each folder on the way down, whether each rule matched. */
function naiveVerdict(rules: readonly NaiveRule[], path: string): boolean {
  let matchedAbove: readonly boolean[] = [];
  let isHidden = false;
  const components = path.split('/');
  for (const index of components.keys()) {
    const current = components.slice(0, index + 1).join('/');
    isHidden = false;
    const matched: boolean[] = [];
    for (const [number, rule] of rules.entries()) {
      const matters = rule.isException === isHidden;
      const isMatch = matchedAbove[number] === true || (matters && rule.expression.test(current));
      matched.push(isMatch);
      if (isMatch) isHidden = !rule.isException;
    }
    matchedAbove = matched;
  }
  return isHidden;
}

const component = fc.constantFrom('a', 'b', 'ab', 'a.b', '*', '**', 'a*', '*b', '?', 'a?', '**a');
const line = fc
  .tuple(fc.boolean(), fc.array(component, { minLength: 1, maxLength: 4 }))
  .map(([isException, components]) => (isException ? '!' : '') + components.join('/'));
const name = fc.constantFrom('a', 'b', 'ab', 'a.b', 'ba', 'c');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));

test('ignore rules agree with a naive matcher, pruned folders included', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), path, (lines, wanted) => {
      const rules = rulesOf(lines.join('\n'));
      assert.equal(isIgnored(rules, wanted), naiveVerdict(lines.map(naiveRule), wanted));
    }),
    { numRuns: 3000 },
  );
});
