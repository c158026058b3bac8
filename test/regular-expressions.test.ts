import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseSync, Visitor } from 'oxc-parser';
import { check } from 'recheck';
import { repositoryRoot } from './support/repository.ts';

const folders = ['builder', 'cache', 'executor', 'native', 'parser', 'registry'];

/** Where an expression is put together from parts, each with what the most hostile parts make of it. */
const composed: Readonly<Record<string, readonly RegExp[]>> = {
  // At most two wildcards: what one leaves, the other one can take, so there are as many ways as characters.
  'builder/patterns/token-matcher.ts': [/^(?:.*\/)?[^/]*x$/su, /^[^/]*x[^/]*$/su, /^[^/]*x.*$/su, /^[\u{61}-\u{7a}][^/]*[^/]$/su],
};

/** Where the texts are as short as names of files. */
const atMostSquare = /^(?:in proportion|2nd degree polynomial)$/;

interface Found {
  readonly place: string;
  readonly pattern: string;
  readonly flags: string;
}

const literals: Found[] = [];
const composers: string[] = [];
for (const path of folders.flatMap(sourcesBelow)) findIn(path);

function sourcesBelow(folder: string): readonly string[] {
  return readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function findIn(path: string): void {
  const text = readFileSync(join(repositoryRoot, path), 'utf8');
  const isMaker = (callee: { readonly type: string; readonly name?: unknown }): boolean =>
    callee.type === 'Identifier' && callee.name === 'RegExp';
  new Visitor({
    Literal(node) {
      if (!('regex' in node)) return;
      const line = text.slice(0, node.start).split('\n').length;
      literals.push({ place: `${path}:${line}`, ...node.regex });
    },
    NewExpression({ callee }) {
      if (isMaker(callee)) composers.push(path);
    },
    CallExpression({ callee }) {
      if (isMaker(callee)) composers.push(path);
    },
  }).visit(parseSync(path, text).program);
}

/** How the time grows with the length of a text, at worst. */
async function growth(pattern: string, flags: string): Promise<string> {
  // It counts steps; a clock would tell how busy the machine is.
  const found = await check(pattern, flags, { timeout: null, attackTimeout: null, incubationTimeout: null });
  if (found.status === 'safe') return 'in proportion';
  return found.status === 'vulnerable' ? found.complexity.summary : `unknown: ${found.error.kind}`;
}

test('every regular expression takes time in proportion to its text', async () => {
  assert.ok(literals.length > 300, 'the expressions are found');
  const known = new Map<string, Promise<string>>();
  const slow: string[] = [];
  for (const { place, pattern, flags } of literals) {
    const key = `/${pattern}/${flags}`;
    if (!known.has(key)) known.set(key, growth(pattern, flags));
    const answer = await known.get(key);
    if (answer !== 'in proportion') slow.push(`${place} ${key}: ${answer}`);
  }
  assert.deepEqual(slow, []);
});

test('expressions that are put together are known, and no worse than their rows', async () => {
  assert.deepEqual(composers, Object.keys(composed));
  for (const { source, flags } of Object.values(composed).flat()) assert.match(await growth(source, flags), atMostSquare, source);
});

test('the checker finds what is exponential', async () => {
  assert.equal(await growth('^(?:\\*\\*?\\/?)+$', ''), 'exponential');
});
