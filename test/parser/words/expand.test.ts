import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expandHeredoc, expandWord, expandWords, variablesOf } from '../../../parser/words/expand.ts';

const variables: Readonly<Record<string, string>> = {
  set: 'value',
  empty: '',
  path: '/usr/local/bin',
  star: 'a*b*c',
  file: 'archive.tar.gz',
  blanks: 'a  b c',
  lines: 'ab\ncd',
  wide: 'äöü😀x',
  name_1: 'one',
  pattern: '*/',
};

function env(name: string): string | undefined {
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}

interface Row {
  readonly word: string;
  readonly value: string;
  readonly name: string;
}

const valueRows: readonly Row[] = [
  { name: 'a plain word', word: 'a/b-c.d', value: 'a/b-c.d' },
  { name: '$v', word: 'x$set-y', value: 'xvalue-y' },
  { name: '$v up to the first character that is no name', word: '$name_1.x', value: 'one.x' },
  { name: '${v}', word: 'x${set}y', value: 'xvaluey' },
  { name: 'an unset variable as nothing', word: 'a${unset}b$unset', value: 'ab' },
  { name: 'a lone dollar sign', word: 'a$ $/ $', value: 'a$ $/ $' },
  { name: '$1, $@ and $? as unset names', word: '[$1$@$?$*$#$!$-$$]', value: '[]' },
  { name: '${1}, ${@} and ${?} as unset names', word: '[${1}${@}${?}${1:-w}]', value: '[w]' },
  { name: '$12 as one name', word: '$12x', value: 'x' },
  { name: ':- unset', word: '${unset:-w}', value: 'w' },
  { name: ':- empty', word: '${empty:-w}', value: 'w' },
  { name: ':- set', word: '${set:-w}', value: 'value' },
  { name: '- unset', word: '${unset-w}', value: 'w' },
  { name: '- empty', word: '${empty-w}', value: '' },
  { name: '- set', word: '${set-w}', value: 'value' },
  { name: ':+ unset', word: '${unset:+w}', value: '' },
  { name: ':+ empty', word: '${empty:+w}', value: '' },
  { name: ':+ set', word: '${set:+w}', value: 'w' },
  { name: '+ unset', word: '${unset+w}', value: '' },
  { name: '+ empty', word: '${empty+w}', value: 'w' },
  { name: '+ set', word: '${set+w}', value: 'w' },
  { name: ':? set', word: '${set:?m}', value: 'value' },
  { name: '? empty', word: '${empty?m}', value: '' },
  { name: 'a default that is expanded', word: '${unset:-$set/${name_1}}', value: 'value/one' },
  { name: 'nested defaults', word: '${unset:-${none:-${empty:-deep}}}', value: 'deep' },
  { name: 'quotes in a default', word: '${unset:-"a } b"}', value: 'a } b' },
  { name: 'a default with an escaped brace', word: '${unset:-a\\}b}', value: 'a}b' },
  { name: 'an error in a default that is not needed', word: '${set:-${unset:?m}}', value: 'value' },
  { name: '# shortest prefix', word: '${path#*/}', value: 'usr/local/bin' },
  { name: '## longest prefix', word: '${path##*/}', value: 'bin' },
  { name: '# without a match', word: '${path#x}', value: '/usr/local/bin' },
  { name: '#* as nothing', word: '${path#*}', value: '/usr/local/bin' },
  { name: '##* as everything', word: '${path##*}', value: '' },
  { name: '% shortest suffix', word: '${file%.*}', value: 'archive.tar' },
  { name: '%% longest suffix', word: '${file%%.*}', value: 'archive' },
  { name: '? as one character', word: '${set#??}', value: 'lue' },
  { name: '? as one character outside the basic plane', word: '${wide#????}', value: 'x' },
  { name: 'an escaped star', word: '${star#a\\*}', value: 'b*c' },
  { name: 'an escaped star from the end', word: '${star%%\\**}', value: 'a' },
  { name: 'wildcards that stop at newlines', word: '${lines##*}', value: '\ncd' },
  { name: 'an escaped slash in a pattern', word: '${path#\\/usr\\/}', value: 'local/bin' },
  { name: 'a pattern from a variable', word: '${path##$pattern}', value: 'bin' },
  { name: 'a pattern without classes', word: '${set#[v]}', value: 'value' },
  { name: 'a trimmed unset variable', word: '${unset##*/}', value: '' },
  { name: '/ the first', word: '${star/\\*/-}', value: 'a-b*c' },
  { name: '// all', word: '${star//\\*/-}', value: 'a-b-c' },
  { name: '/ as long as can be', word: '${path/l*a/X}', value: '/usr/Xl/bin' },
  { name: '/ with an empty replacement', word: '${file/.tar/}', value: 'archive.gz' },
  { name: '/ without a match', word: '${set/x/y}', value: 'value' },
  { name: '// with a variable in the replacement', word: '${set//l/$name_1}', value: 'vaoneue' },
  { name: '// with $1 in the replacement as an unset variable', word: '${set//l/[$1]}', value: 'va[]ue' },
  { name: '// with a star', word: '${set//*/x}', value: 'x' },
  { name: '// with an empty pattern', word: '${name_1///-}', value: '-o-n-e-' },
  { name: 'single quotes literally', word: "'$set \\n \"'", value: '$set \\n "' },
  { name: 'double quotes', word: '"$set  x"', value: 'value  x' },
  { name: 'escapes in double quotes only before " $ and itself', word: '"\\" \\$ \\\\ \\n \\\'"', value: '" $ \\ \\n \\\'' },
  { name: 'single quotes in double quotes', word: `"it's"`, value: "it's" },
  { name: 'double quotes in single quotes', word: `'"x"'`, value: '"x"' },
  { name: 'quotes next to text', word: `a'b'"c"d`, value: 'abcd' },
  { name: 'empty quotes', word: `""''`, value: '' },
  { name: 'an escaped character', word: 'a\\b\\$set\\"\\ x', value: 'ab$set" x' },
  { name: 'an escape at the end as nothing', word: 'ab\\', value: 'ab' },
  { name: 'an escaped character outside the basic plane', word: '\\😀x', value: '😀x' },
  { name: 'blanks as they are', word: 'a  b\t$blanks', value: 'a  b\ta  b c' },
  { name: 'variables in nested quotes', word: '"${unset:-"$set"}"', value: 'value' },
];

for (const { name, word, value } of valueRows) {
  test(`expandWord() gives ${name}: ${word}`, () => {
    assert.deepEqual(expandWord(word, { env, escape: '\\' }).error, undefined);
    assert.equal(expandWord(word, { env, escape: '\\' }).value, value);
  });
}

const backtickRows: readonly Row[] = [
  { name: 'backslashes are text', word: 'C:\\x\\$set', value: 'C:\\x\\value' },
  { name: 'a backtick escapes', word: '`$set`"`x', value: '$set"x' },
  { name: 'a backtick in double quotes', word: '"`$set `` \\"', value: '$set ` \\' },
];

for (const { name, word, value } of backtickRows) {
  test(`expandWord() with the backtick: ${name}`, () => {
    assert.equal(expandWord(word, { env, escape: '`' }).value, value);
  });
}

const errorRows: readonly { word: string; code: string; at: string }[] = [
  { word: 'a${set:?m}${empty:?no value}', code: 'variable-required', at: '${empty:?no value}' },
  { word: '${unset?}', code: 'variable-required', at: '${unset?}' },
  { word: '${set:=w}', code: 'variable-syntax', at: '${set:=' },
  { word: '${set=w}', code: 'variable-syntax', at: '${set=' },
  { word: '${set:#w}', code: 'variable-syntax', at: '${set:#' },
  { word: '${set:%w}', code: 'variable-syntax', at: '${set:%' },
  { word: '${set:1:2}', code: 'variable-syntax', at: '${set:1' },
  { word: '${set!}', code: 'variable-syntax', at: '${set!' },
  { word: '${}', code: 'variable-syntax', at: '${}' },
  { word: '${:}', code: 'variable-syntax', at: '${:' },
  { word: '${{x}}', code: 'variable-syntax', at: '${{' },
  { word: '${', code: 'variable-syntax', at: '${' },
  { word: 'a${set', code: 'variable-syntax', at: '${set' },
  { word: '${set:-x', code: 'variable-syntax', at: '${set:-x' },
  { word: '${set/x}', code: 'variable-syntax', at: '${set/x}' },
  { word: '${set/x/y', code: 'variable-syntax', at: '${set/x/y' },
  { word: '${set#a\\b}', code: 'variable-syntax', at: '${set#a\\b}' },
  { word: 'a"b', code: 'unterminated-quote', at: '"' },
  { word: "a'b", code: 'unterminated-quote', at: "'" },
  { word: `${'${a:-'.repeat(101)}${'}'.repeat(101)}`, code: 'too-deep', at: '${' },
];

for (const { word, code, at } of errorRows) {
  test(`expandWord() refuses ${word.slice(0, 40)}`, () => {
    const { value, error } = expandWord(word, { env, escape: '\\' });
    assert.deepEqual([value, error?.code, word.slice(error?.start, error?.end)], ['', code, at]);
  });
}

function messageOf(word: string): string | undefined {
  return expandWord(word, { env, escape: '\\' }).error?.message;
}

test('expandWord() says why a variable is required', () => {
  assert.equal(messageOf('${unset:?give $set}'), 'Cannot expand "unset": give value');
  assert.equal(messageOf('${unset:?}'), 'Cannot expand "unset": it must not be unset');
  assert.equal(messageOf('${empty:?}'), 'Cannot expand "empty": it must not be empty');
});

test('expandWord() takes 100 levels of nesting', () => {
  const word = `${'${a:-'.repeat(100)}x${'}'.repeat(100)}`;
  assert.equal(expandWord(word, { env, escape: '\\' }).value, 'x');
});

test('expandWord() names what is not set, with its place, needed or not', () => {
  const { unset } = expandWord('$a${set}${b:-$c}${set:-$d}', { env, escape: '\\' });
  assert.deepEqual(unset, [
    { name: 'a', start: 0 },
    { name: 'b', start: 8 },
    { name: 'c', start: 13 },
    { name: 'd', start: 23 },
  ]);
});

test('expandWord() keeps quotes and what is not set for titles', () => {
  const options = { env, escape: '\\', keepQuotes: true, keepUnset: true } as const;
  assert.equal(expandWord(`echo "$set" '$set' $unset \${unset:-x}`, options).value, `echo "value" '$set' $unset \${unset:-x}`);
});

test('expandWord() stops at results that grow without bounds', () => {
  const big = 'x'.repeat(600_000);
  const { error } = expandWord('$a$a', { env: () => big, escape: '\\' });
  assert.equal(error?.code, 'too-deep');
});

test('expandWord() stops at patterns that take for ever', () => {
  const value = 'a'.repeat(50_000);
  const word = `\${v##${'*a'.repeat(10_000)}b}`;
  assert.equal(expandWord(word, { env: () => value, escape: '\\' }).error?.code, 'too-deep');
});

const splitRows: readonly { name: string; word: string; words: readonly string[] }[] = [
  { name: 'at blanks', word: ' a  b\tc ', words: ['a', 'b', 'c'] },
  { name: 'what a variable brings in', word: 'x$blanks', words: ['xa', 'b', 'c'] },
  { name: 'not in quotes', word: '"a b" \'c d\'', words: ['a b', 'c d'] },
  { name: 'not a quoted variable', word: '"$blanks"', words: ['a  b c'] },
  { name: 'not at escaped blanks', word: 'a\\ b c', words: ['a b', 'c'] },
  { name: 'nothing out of nothing', word: '$unset ""', words: [] },
];

for (const { name, word, words } of splitRows) {
  test(`expandWords() splits ${name}`, () => {
    assert.deepEqual(expandWords(word, { env, escape: '\\' }).words, words);
  });
}

const heredocRows: readonly { name: string; text: string; value: string }[] = [
  { name: 'variables', text: 'a=$set\nb=${unset:-x}\n', value: 'a=value\nb=x\n' },
  { name: 'variables inside quotes', text: `'$set' "\${set}"\n`, value: `'value' "value"\n` },
  { name: 'quotes as they are', text: `it's "quoted\n`, value: `it's "quoted\n` },
  { name: 'an escaped dollar sign', text: '\\$set\n', value: '$set\n' },
  { name: 'an escaped backslash', text: '\\\\\n', value: '\\\n' },
  { name: 'a backslash before the line end', text: 'a\\\nb\n', value: 'a\nb\n' },
];

for (const { name, text, value } of heredocRows) {
  test(`expandHeredoc() gives ${name}`, () => {
    assert.equal(expandHeredoc(text, { env }).value, value);
  });
}

test('variablesOf() lists all mentions, nested ones too, and nothing that is quoted or escaped', () => {
  const names = variablesOf(`$a\${b:-$c}'$d'\\$e"\${f/$g/$h}"`, '\\').map(({ name }) => name);
  assert.deepEqual(names, ['a', 'b', 'c', 'f', 'g', 'h']);
  assert.deepEqual(variablesOf('${', '\\'), []);
});
