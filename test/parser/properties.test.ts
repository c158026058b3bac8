import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { check } from '../../parser/lint/check.ts';
import { codeFrame } from '../../parser/mistakes/code-frame.ts';
import { expandHeredoc, expandWord, expandWords, variablesOf } from '../../parser/words/expand.ts';
import { parseGlob, trimPrefix, trimSuffix } from '../../parser/words/glob.ts';
import { formatPlatform, parsePlatform } from '../../registry/oci/platform.ts';
import { at, parseText } from './reading.ts';
import { assertSound } from './soundness.ts';

const fragment = fc.constantFrom(
  'FROM a',
  'RUN ',
  'COPY ',
  'ENV ',
  'ARG ',
  'ONBUILD ',
  'HEALTHCHECK ',
  '--mount=',
  '--x=',
  '<<EOF',
  '<<-"E"',
  'EOF',
  '\n',
  '\r\n',

  '\\\n',
  '`\n',
  '\\',
  '`',
  ' ',
  '\t',
  '$a',
  '${a:-',
  '}',
  '"',
  "'",
  '#',
  '# escape=`\n',
  '# check=skip=',
  '[',
  ']',
  '"b"',
  ',',
  '=',
  '--',
  '\u{feff}',
  '\0',
  '😀',
  '\ud800',
  '//',
  '*',
  '?',
  '((',
  '))',
  'type=cache',
  'AS b',
  'NONE',
  'CMD',
);
const soup = fc
  .array(fc.oneof({ weight: 6, arbitrary: fragment }, fc.string({ maxLength: 6 })), { maxLength: 40 })
  .map((parts) => parts.join(''));
const word = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...'$ { } : - + ? # % / * " \' \\ a b $a ${a ${b:- ${c# ${d//'.split(' ')) },
      fc.string({ maxLength: 3 }),
    ),
    {
      maxLength: 20,
    },
  )
  .map((parts) => parts.join(''));

test('property: parse() never throws, and all spans are inside the text', () => {
  fc.assert(
    fc.property(soup, (text) => {
      assertSound(text);
    }),
    { numRuns: 2000 },
  );
});

test('property: parse() never throws on arbitrary text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      assertSound(text);
    }),
    { numRuns: 500 },
  );
});

test('property: check() and codeFrame() take whatever parse() gives', () => {
  fc.assert(
    fc.property(soup, (body) => {
      const text = `FROM scratch\n${body}`;
      const source = { name: 'f', text };
      const { partial, diagnostics } = parseText(text);
      for (const { span } of [...diagnostics, ...check(partial, { sources: [source] })]) {
        if (span !== undefined) assert.ok(codeFrame(source, span).startsWith(' '));
      }
    }),
    { numRuns: 500 },
  );
});

test('property: an instruction read again from its own span is the same instruction', () => {
  fc.assert(
    fc.property(soup, (body) => {
      const text = `FROM scratch\n${body}`;
      const { partial } = parseText(text);
      const { escape } = partial.directives;
      for (const { span, source, kind } of partial.stages[0]?.body ?? []) {
        const again = parseText(`# escape=${escape}\nFROM scratch\n${at(text, span)}`).partial.stages[0]?.body[0];
        // Here-documents stand behind the span, so what opens one cannot be read without them.
        if (!source.includes('<<')) assert.deepEqual([again?.kind, again?.source], [kind, source]);
      }
    }),
    { numRuns: 1000 },
  );
});

function env(name: string): string | undefined {
  return { a: 'x y', b: '' }[name];
}

test('property: words expand without throwing, deterministically, with errors inside the word', () => {
  fc.assert(
    fc.property(word, fc.constantFrom('\\' as const, '`' as const), (text, escape) => {
      const first = expandWord(text, { env, escape });
      assert.deepEqual(expandWord(text, { env, escape }), first);
      assert.equal(expandWords(text, { env, escape }).error?.code, first.error?.code);
      assert.equal(typeof expandHeredoc(text, { env }).value, 'string');
      const mentioned = new Set(variablesOf(text, escape).map(({ name }) => name));
      assert.ok(first.unset.every(({ name, start }) => mentioned.has(name) && text[start] === '$'));
      const { error } = first;
      assert.ok(error === undefined || (error.start >= 0 && error.start < error.end && error.end <= text.length));
    }),
    { numRuns: 3000 },
  );
});

test('property: text in single quotes is its own value', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const plain = text.replaceAll("'", '');
      assert.equal(expandWord(`'${plain}'`, { env: () => undefined, escape: '\\' }).value, plain);
    }),
  );
});

test('property: escaping every character keeps the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = Array.from(text, (character) => `\\${character}`).join('');
      assert.equal(expandWord(escaped, { env: () => undefined, escape: '\\' }).value, text);
    }),
  );
});

test('property: trimming agrees with regular expressions', () => {
  const letters = fc.array(fc.constantFrom('a', 'b'), { maxLength: 8 }).map((parts) => parts.join(''));
  const pattern = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 4 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(letters, pattern, fc.boolean(), (value, text, isLongest) => {
      const parsed = parseGlob(text);
      assert.ok('glob' in parsed);
      const options = (): { isLongest: boolean; budget: { left: number } } => ({ isLongest, budget: { left: 1e6 } });
      const star = isLongest ? '.*' : '.*?';
      const source = text.replaceAll('?', '.').replaceAll('*', star);
      assert.equal(trimPrefix(value, parsed.glob, options()), value.replace(new RegExp(`^${source}`), ''));
      const ends = Array.from({ length: value.length + 1 }, (_, index) => index).filter((index) =>
        new RegExp(`^${text.replaceAll('?', '.').replaceAll('*', '.*')}$`).test(value.slice(index)),
      );
      const cut = isLongest ? ends[0] : ends.at(-1);
      assert.equal(trimSuffix(value, parsed.glob, options()), value.slice(0, cut ?? value.length));
    }),
    { numRuns: 2000 },
  );
});

test('property: platforms survive being written and read', () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  fc.assert(
    fc.property(part, part, fc.option(part, { nil: undefined }), (os, architecture, variant) => {
      const platform = parsePlatform([os, architecture, ...(variant === undefined ? [] : [variant])].join('/'));
      assert.ok(platform);
      assert.deepEqual(parsePlatform(formatPlatform(platform)), platform);
    }),
  );
});
