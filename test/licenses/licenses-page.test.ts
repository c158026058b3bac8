import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../support/repository.ts';
import { licensesFile, licensesPage, runtimePackages } from './licenses-page.ts';

/** What a package of a program under Apache-2.0 may be under. */
const permissive = /^(MIT|ISC|BSD-2-Clause|BSD-3-Clause|0BSD|Apache-2\.0|MIT AND BSD-3-Clause)$/;

test(`${licensesFile} has the licences of the packages that are installed`, () => {
  assert.equal(readFileSync(join(repositoryRoot, licensesFile), 'utf8'), licensesPage(), 'npm run licenses');
});

test(`${licensesFile} is published`, () => {
  const { files }: { files: readonly string[] } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
  assert.ok(files.includes(licensesFile));
});

test('every package that comes with tsbuild is under a permissive licence', () => {
  assert.deepEqual(
    runtimePackages().filter(({ license }) => !permissive.test(license)),
    [],
  );
});
