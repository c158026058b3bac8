import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ApiItem, apiPage, apiPagePath, publicApi, rolledUp } from './support/public-api.ts';
import { repositoryRoot } from './support/repository.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const api = publicApi();

test(`${apiPagePath} shows what the library exports`, () => {
  const path = join(repositoryRoot, apiPagePath);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, apiPage(api));
  else assert.equal(readFileSync(path, 'utf8'), apiPage(api), 'UPDATE_DOCS=1 npm test -- docs');
});

test('everything that the types of the library name is exported, so the compiler reads them alone', () => {
  using folder = temporaryFolder('api');
  writeFileSync(join(folder.path, 'tsbuild.d.ts'), rolledUp(api));
  const compiler = join(repositoryRoot, 'node_modules/typescript/bin/tsc');
  const types = ['--typeRoots', join(repositoryRoot, 'node_modules/@types'), '--types', 'node'];
  const language = ['--strict', '--target', 'es2023', '--lib', 'es2023,esnext.disposable', '--module', 'nodenext'];
  const { status, stdout } = spawnSync(process.execPath, [compiler, '--noEmit', ...types, ...language, 'tsbuild.d.ts'], {
    cwd: folder.path,
    encoding: 'utf8',
  });
  assert.equal(stdout, '');
  assert.equal(status, 0);
});

test('everything that the library exports has a comment', () => {
  assert.deepEqual(
    api.filter(({ comment }) => comment === undefined).map(({ name }) => name),
    [],
  );
});

test('every option of build() and report() says what it means', () => {
  for (const name of ['BuildOptions', 'ImageOutputOptions', 'ReportOptions']) {
    assert.deepEqual(membersWithoutComment(named(name)), [], name);
  }
});

test('every function of the library says what it throws, or that it never does', () => {
  const silent = api.filter(
    ({ kind, comment }) => kind === 'function' && !/^ \* @throws \w|Never\s+(?:\* )?throws\./m.test(comment ?? ''),
  );
  assert.deepEqual(
    silent.map(({ name }) => name),
    [],
  );
});

test('build() names every class of errors that it throws; the program itself gives the reason of its signal', () => {
  const classes = api.filter(({ kind }) => kind === 'class').map(({ name }) => name);
  const throws = /@throws ([\s\S]*)$/.exec(named('build').comment ?? '')?.[1] ?? '';
  assert.deepEqual(
    classes.filter((name) => !throws.includes(name)),
    ['Interrupted'],
  );
});

function named(name: string): ApiItem {
  const found = api.find((item) => item.name === name);
  assert.ok(found !== undefined, `the library exports no ${name}`);
  return found;
}

function membersWithoutComment({ text }: ApiItem): readonly string[] {
  const lines = text.split('\n');
  return lines.filter((line, index) => /^ {4}(?:readonly )?\w+\??:/.test(line) && lines[index - 1]?.endsWith('*/') !== true);
}
