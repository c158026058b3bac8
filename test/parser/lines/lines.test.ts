import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from '../../../parser/parse.ts';
import { at, mistakes, parseText, readBody, readFile, readOne } from '../reading.ts';

const rows: readonly { name: string; text: string; sources: readonly string[] }[] = [
  { name: 'removes a byte order mark', text: '\u{feff}FROM a', sources: ['FROM a'] },
  { name: 'reads CRLF line ends', text: 'FROM a\r\nRUN b \\\r\n  c\r\n', sources: ['FROM a', 'RUN b   c'] },
  { name: 'ignores blanks before an instruction', text: '  \tFROM a\n\t RUN b', sources: ['FROM a', 'RUN b'] },
  { name: 'keeps blanks at the start of a continuation line', text: 'FROM a\nRUN b\\\n   c', sources: ['FROM a', 'RUN b   c'] },
  { name: 'drops comment lines', text: '# x\nFROM a\n  # y\nRUN b # c', sources: ['FROM a', 'RUN b # c'] },
  {
    name: 'drops comment lines inside a continuation, indented ones too',
    text: 'FROM a\nRUN b \\\n# x\n   # y \\\n  && c',
    sources: ['FROM a', 'RUN b   && c'],
  },
  { name: 'goes on after empty continuation lines', text: 'FROM a\nRUN b \\\n\n  \t\n c', sources: ['FROM a', 'RUN b  c'] },
  { name: 'accepts a continuation at the end of the file', text: 'FROM a\nRUN b \\', sources: ['FROM a', 'RUN b'] },
  { name: 'accepts blanks after the escape character', text: 'FROM a\nRUN b \\ \t\n c', sources: ['FROM a', 'RUN b  c'] },
  {
    name: 'does not continue after two escape characters',
    text: 'FROM a\nRUN b \\\\\nRUN c',
    sources: ['FROM a', 'RUN b \\\\', 'RUN c'],
  },
  {
    name: 'does not continue after three escape characters, as BuildKit',
    text: 'FROM a\nRUN b \\\\\\\nRUN c',
    sources: ['FROM a', 'RUN b \\\\\\', 'RUN c'],
  },
  { name: 'joins an escape character alone on a line', text: 'FROM a\nRUN b \\\n\\\n c', sources: ['FROM a', 'RUN b  c'] },
  { name: 'starts an instruction after a lone escape character', text: '\\\nFROM a', sources: ['FROM a'] },
  { name: 'continues with a backtick if asked', text: '# escape=`\nFROM a\nRUN b `\n c\\', sources: ['FROM a', 'RUN b  c\\'] },
  { name: 'joins words that a continuation splits', text: 'FROM a\nRUN ec\\\nho', sources: ['FROM a', 'RUN echo'] },
];

for (const { name, text, sources } of rows) {
  test(`parse() ${name}`, () => {
    const file = readFile(text);
    const stages = file.stages.flatMap((stage) => [stage.from, ...stage.body]);
    assert.deepEqual(
      stages.map(({ source }) => source),
      sources,
    );
  });
}

test('parse() reads keywords in any letter case', () => {
  const file = readFile('from a as B\nrUn b');
  assert.equal(file.stages[0]?.name, 'b');
  assert.deepEqual([file.stages[0]?.from.keyword, file.stages[0]?.body[0]?.keyword], ['from', 'rUn']);
});

test('parse() keeps the span of a continued line', () => {
  const text = 'FROM a\nRUN b \\\n  # note\n  c\nRUN d\n';
  const [run] = readFile(text).stages[0]?.body ?? [];
  assert.ok(run?.kind === 'run');
  assert.equal(at(text, run.span), 'RUN b \\\n  # note\n  c');
  assert.equal(at(text, run.command.span), 'b \\\n  # note\n  c');
});

test('parse() points at single words on continuation lines', () => {
  const text = 'FROM a\nCOPY \\\n  --chown=1 \\\n  first \\\n  # note\n  second /target\n';
  const [copy] = readFile(text).stages[0]?.body ?? [];
  assert.ok(copy?.kind === 'copy' && copy.sources.every((source) => source.kind === 'path'));
  const spans = copy.sources.flatMap((source) => (source.kind === 'path' ? [source.word.span] : []));
  assert.deepEqual(
    [...spans, copy.destination.span, copy.chown?.span].map((span) => span && at(text, span)),
    ['first', 'second', '/target', '1'],
  );
});

test('parse() remembers where an instruction has an empty continuation line', () => {
  const text = 'FROM a\nCOPY x \\\n\n/y\n';
  const [copy] = readFile(text).stages[0]?.body ?? [];
  assert.ok(copy?.emptyContinuation);
  assert.equal(at(text, copy.emptyContinuation), '/y');
  assert.equal(readOne('run', 'RUN b \\\n # x\n c').emptyContinuation, undefined);
});

test('parse() attaches the comment lines directly above, without directives and checks', () => {
  const file = readFile(
    '# syntax=x\n# check=error=true\n# one\nFROM a\n\n# far\n\n# two\n# check=skip=UndefinedVar,X\n#three\nRUN b\n#x\n#\nRUN c',
  );
  const [run, last] = file.stages[0]?.body ?? [];
  assert.equal(file.stages[0]?.from.comment, 'one');
  assert.deepEqual([run?.comment, run?.skippedChecks], ['two\nthree', ['UndefinedVar', 'X']]);
  assert.deepEqual([last?.comment, last?.skippedChecks], [undefined, []]);
});

const directiveRows: readonly { name: string; text: string; directives: object }[] = [
  {
    name: 'reads all of them, in any order and case',
    text: '#check=skip=all\n# ESCAPE = `\n#  Syntax=a/b:1 arg\nFROM a',
    directives: { syntax: 'a/b:1', escape: '`', check: 'skip=all' },
  },
  {
    name: 'stops at another comment',
    text: '# hello\n# escape=`\nFROM a',
    directives: { syntax: undefined, escape: '\\', check: undefined },
  },
  {
    name: 'stops at an empty line',
    text: '\n# escape=`\nFROM a',
    directives: { syntax: undefined, escape: '\\', check: undefined },
  },
  {
    name: 'stops at an unknown one',
    text: '# other=1\n# escape=`\nFROM a',
    directives: { syntax: undefined, escape: '\\', check: undefined },
  },
  {
    name: 'stops at an instruction',
    text: 'FROM a\n# escape=`',
    directives: { syntax: undefined, escape: '\\', check: undefined },
  },
  {
    name: 'reads them after #!',
    text: '#!/usr/bin/env tsbuild\n# syntax=x\nFROM a',
    directives: { syntax: 'x', escape: '\\', check: undefined },
  },
  {
    name: 'reads them after a byte order mark and with CRLF',
    text: '\u{feff}# escape=`\r\nFROM a',
    directives: { syntax: undefined, escape: '`', check: undefined },
  },
];

for (const { name, text, directives } of directiveRows) {
  test(`directives: parse() ${name}`, () => {
    assert.deepEqual(readFile(text).directives, directives);
  });
}

const directiveErrors: readonly { name: string; text: string; wrong: readonly string[] }[] = [
  { name: 'refuses a repeated one', text: '# syntax=a\n# syntax=b\nFROM a', wrong: ['directive: b'] },
  { name: 'refuses a repeated one in another case', text: '# escape=`\n# ESCAPE=`\nFROM a', wrong: ['directive: `'] },
  { name: 'refuses another escape character', text: '# escape=x\nFROM a', wrong: ['directive: x'] },
  { name: 'refuses unknown check options', text: '# check=skipp=all\nFROM a', wrong: ['directive: skipp=all'] },
  {
    name: 'refuses a file of another format (//)',
    text: '// syntax=a/b\nfunc main() {}',
    wrong: ['not-supported: // syntax=a/b'],
  },
  { name: 'refuses a file of another format (JSON)', text: '{ "syntax": "a/b" }', wrong: ['not-supported: { "syntax": "a/b" }'] },
];

for (const { name, text, wrong } of directiveErrors) {
  test(`directives: parse() ${name}`, () => {
    assert.deepEqual(mistakes(text), wrong);
  });
}

test('parse() reads several sources as one file, with directives from the first only', () => {
  const sources = [
    { name: 'a', text: '# escape=`\nARG V=1\nFROM x' },
    { name: 'b', text: '\u{feff}# escape=\\\nRUN a `\n b\\\n' },
    { name: 'c', text: 'RUN c' },
  ];
  const { file, diagnostics } = parse(sources);
  assert.deepEqual(diagnostics, []);
  const body = file?.stages[0]?.body ?? [];
  assert.deepEqual(
    body.map(({ source, span }) => [source, span.source]),
    [
      ['RUN a  b\\', 1],
      ['RUN c', 2],
    ],
  );
});

test('parse() does not continue from one source into the next', () => {
  const { file } = parse([
    { name: 'a', text: 'FROM x\nRUN a \\' },
    { name: 'b', text: 'RUN b' },
  ]);
  assert.deepEqual(
    file?.stages[0]?.body.map(({ source }) => source),
    ['RUN a', 'RUN b'],
  );
});

const limitRows: readonly { name: string; text: string; codes: readonly string[] }[] = [
  { name: 'accepts 65535 bytes', text: `FROM a\nRUN ${'x'.repeat(65_531)}\n`, codes: [] },
  { name: 'refuses 65536 bytes', text: `FROM a\nRUN ${'x'.repeat(65_532)}\n`, codes: ['line-too-long'] },
  { name: 'counts bytes, not characters', text: `FROM a\nRUN ${'ü'.repeat(32_766)}\n`, codes: ['line-too-long'] },
  { name: 'counts comments', text: `#${'x'.repeat(65_535)}\nFROM a\n`, codes: ['line-too-long'] },
  { name: 'counts lines of here-documents', text: `FROM a\nRUN <<X\n${'x'.repeat(65_536)}\nX\n`, codes: ['line-too-long'] },
  { name: 'does not count joined lines', text: `FROM a\nRUN ${'x \\\n'.repeat(40_000)}`, codes: [] },
];

for (const { name, text, codes } of limitRows) {
  test(`line length: parse() ${name}`, () => {
    assert.deepEqual(
      parseText(text).diagnostics.map(({ code }) => code),
      codes,
    );
  });
}

const emptyRows: readonly { name: string; text: string; wrong: readonly string[] }[] = [
  { name: 'an empty file', text: '', wrong: ['empty-file: '] },
  { name: 'blank lines', text: ' \n\t\n', wrong: ['empty-file: '] },
  { name: 'comments only', text: '# a\n# b\n', wrong: ['empty-file: '] },
  { name: 'escape characters only', text: '\\\n\\\n', wrong: ['empty-file: '] },
  { name: 'arguments only', text: 'ARG a=1\n', wrong: ['no-stages: ARG a=1'] },
  { name: 'an instruction before FROM', text: 'RUN x\nFROM a\n', wrong: ['instruction-before-from: RUN'] },
];

for (const { name, text, wrong } of emptyRows) {
  test(`parse() refuses ${name}`, () => {
    assert.deepEqual(mistakes(text), wrong);
  });
}

test('parse() reports all mistakes of a file, in order, and keeps what it could read', () => {
  const text = 'FROM a AS 1\nRUN --mont=x y\nFROM b\nCOP a b\nENV\nRUN fine\n';
  const { file, partial, diagnostics } = parseText(text);
  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    ['stage-name', 'unknown-flag', 'unknown-instruction', 'missing-argument'],
  );
  assert.equal(file, undefined);
  assert.deepEqual(
    partial.stages.map((stage) => stage.body.map(({ source }) => source)),
    [['RUN fine']],
  );
});

test('parse() stops after 500 mistakes', () => {
  assert.equal(parseText('x\n'.repeat(100_000)).diagnostics.length, 500);
});

test('parse() reports 20 mistakes of an instruction at most, and reads the next one', () => {
  const { diagnostics } = parseText(`FROM a\nCOPY ${'--lnk \\\n'.repeat(1000)} a b\nCOPY x\n`);
  assert.deepEqual([diagnostics.length, diagnostics.at(-1)?.code], [21, 'missing-argument']);
});

test('parse() does not read the flags of a line that is too long', () => {
  const { diagnostics } = parseText(`FROM a\nCOPY ${'--link '.repeat(100_000)}a /b\nRUN true\n`);
  assert.deepEqual(
    diagnostics.map(({ code }) => code),
    ['line-too-long'],
  );
});

const limits: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ['stages', 'FROM a\n'.repeat(10_001), /it has more than 10000 stages$/],
  ['instructions', `FROM a\n${'ARG a\n'.repeat(100_000)}`, /it has more than 100000 instructions$/],
];

for (const [what, text, message] of limits) {
  test(`parse() refuses more ${what} than can be planned in seconds, once`, () => {
    const { diagnostics } = parseText(text);
    assert.deepEqual(
      diagnostics.map(({ code }) => code),
      ['too-large'],
    );
    assert.match(diagnostics[0]?.message ?? '', message);
    const least = text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1);
    assert.deepEqual(parseText(least).diagnostics, []);
  });
}

test('parse() takes 5 MB, in many lines or in few', () => {
  const texts = [
    `FROM a\n${'RUN echo hello \\\n   && true; echo and a little more of the same\nENV a=$b c="d e" f="and more"\n'.repeat(49_000)}`,
    `FROM a\nRUN ${'x \\\n'.repeat(1_250_000)}`,
    `${'#\n# x\n'.repeat(800_000)}FROM a`,
    `FROM a\nCOPY ${'(( \\\n'.repeat(800_000)} <<A /\nA`,
    `FROM a\nCOPY <<A /\n${'\tx\n'.repeat(1_600_000)}A`,
    `FROM a\n${'RUN <<A\nA\n'.repeat(99_000)}`,
    `FROM a\nENV ${'a=$x \\\n'.repeat(600_000)}`,
    `FROM a\nCMD [${'"a", \\\n'.repeat(600_000)} "b"]`,
    `FROM a\nRUN ${'--mount=target=/x \\\n'.repeat(250_000)} true`,
  ];
  for (const text of texts) assert.deepEqual(parseText(text).diagnostics, [], text.slice(0, 60));
});

test('parse() does not lose instructions behind many blank lines', () => {
  assert.equal(readBody(`${'\n'.repeat(10_000)}RUN a`).length, 1);
});
