import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from './support/repository.ts';

const page = readFileSync(join(repositoryRoot, 'docs/walks.md'), 'utf8');
const words: Readonly<Record<string, number>> = { Five: 5, Six: 6 };

interface Walk {
  readonly title: string;
  readonly text: string;
  readonly stops: readonly { readonly name: string; readonly path: string }[];
}

const walks: readonly Walk[] = page
  .split('\n## ')
  .slice(1)
  .map((text) => ({
    title: text.slice(0, text.indexOf('\n')),
    text,
    stops: [...text.matchAll(/^\| `(\w+)` \| (\S+\.ts) \|/gm)].map(([, name = '', path = '']) => ({ name, path })),
  }));

test('three walks are told', () => {
  assert.equal(walks.length, 3);
  for (const { stops, title } of walks) assert.ok(stops.length > 4, title);
});

for (const { title, text, stops } of walks) {
  test(`every stop of the walk "${title}" is there`, () => {
    const gone = stops.filter(({ name, path }) => !isDeclared(name, path)).map(({ name, path }) => `${name} in ${path}`);
    assert.deepEqual(gone, []);
  });

  test(`the walk "${title}" comes by each file once, and has as many stops as it says`, () => {
    assert.equal(new Set(stops.map(({ path }) => path)).size, stops.length);
    const [, count] = /^(Five|Six) stops/m.exec(text) ?? [];
    if (count !== undefined) assert.equal(stops.length, words[count]);
  });
}

test('an option is at most six stops away from what it does', () => {
  assert.ok((walks[0]?.stops.length ?? 0) <= 6);
});

function isDeclared(name: string, path: string): boolean {
  const file = join(repositoryRoot, path);
  if (!existsSync(file)) return false;
  return new RegExp(`^export (?:async )?(?:function\\*?|class|const|type|interface) ${name}\\b`, 'm').test(
    readFileSync(file, 'utf8'),
  );
}
