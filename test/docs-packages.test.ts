import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from './support/repository.ts';

interface PackageManifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest: PackageManifest = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));

test('CONTRIBUTING.md says what each package is for', () => {
  const [, section = ''] = readFileSync(join(repositoryRoot, 'CONTRIBUTING.md'), 'utf8').split('\n## Packages\n');
  const tables = section.split('| --- | --- |\n').slice(1);
  const listed = tables.map((table) => [...table.matchAll(/^\| `([^`]+)` \| \S.* \|$/gm)].map(([, name]) => name));
  assert.deepEqual(listed, [Object.keys(manifest.dependencies), Object.keys(manifest.devDependencies)]);
});

test('versions of packages are exact', () => {
  const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  assert.deepEqual(loose, []);
});
