import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { rules } from '../../parser/lint/rules.ts';
import { unionIn } from '../support/union-in.ts';

/** A file of the project, found from wherever the test was compiled to. */
function projectFile(name: string): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return readFileSync(path.join(folder, name), 'utf8');
}

test('docs/errors.md lists the codes of the parser and the planner, in the order of the code', () => {
  const listed = [...projectFile('docs/errors.md').matchAll(/^\| `([a-z-]+)` \| [^|]+ \| [^|]+ \|$/gm)].map((match) => match[1]);
  assert.deepEqual(listed, unionIn('parser/mistakes/errors.ts', 'ContainerfileErrorCode'));
});

test('docs/checks.md has a section for each rule, in the order of the code', () => {
  const listed = [...projectFile('docs/checks.md').matchAll(/^### (\w+)$/gm)].map((match) => match[1]);
  assert.deepEqual(listed, [...rules.keys()]);
  assert.ok([...rules.values()].every(({ name, url }) => url === `docs/checks.md#${name.toLowerCase()}`));
});

test('docs/checks.md marks the experimental rules', () => {
  const text = projectFile('docs/checks.md');
  for (const { name, isExperimental } of rules.values()) {
    const section = text.split(`### ${name}\n`)[1]?.split('\n#')[0] ?? '';
    assert.equal(section.includes('Experimental.'), isExperimental, name);
  }
});
