import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../support/repository.ts';
import { mutated } from './mutation.ts';
import { mutations } from './mutations.ts';

test('the text of each rule that npm run mutate breaks occurs once', () => {
  for (const mutation of mutations) assert.ok(mutated(mutation, repositoryRoot).includes(mutation.to));
});

test('each word of the tests in the table names a test file', () => {
  const files = readdirSync(join(repositoryRoot, 'test'), { recursive: true, encoding: 'utf8' });
  const missing = mutations
    .flatMap(({ tests }) => tests)
    .filter((word) => !files.some((name) => name.endsWith('.test.ts') && `test/${name.slice(0, -2)}js`.includes(word)));
  assert.deepEqual(missing, []);
});
