import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { documents, writtenFiles, writtenNames } from './support/documents.ts';
import { repositoryRoot } from './support/repository.ts';
import { sourceFiles } from './support/source-files.ts';

const decisions = 'docs/decisions';
const pages = writtenNames(decisions).filter((name) => name !== 'README.md');

for (const readme of documents().filter((path) => basename(path) === 'README.md' && path !== 'README.md')) {
  test(`${readme} names what is in its folder`, () => {
    const named = namesIn(textOf(readme));
    const missing = writtenNames(dirname(readme))
      .filter((name) => name !== 'README.md')
      .filter((name) => !named.some((path) => path === name || path.startsWith(`${name}/`)));
    assert.deepEqual(missing, []);
  });
}

for (const part of ['native', 'parser', 'registry', 'cache', 'executor']) {
  test(`each file of ${part} is named by the README of its folder, or of the next one above`, () => {
    const readmes = documents().filter((path) => basename(path) === 'README.md');
    const readmeOf = (folder: string): string => {
      const readme = join(folder, 'README.md');
      return readmes.includes(readme) ? readme : readmeOf(dirname(folder));
    };
    const unnamed = sourceFiles(part).filter((path) => {
      const named = namesIn(textOf(readmeOf(dirname(path))));
      return !named.some((name) => basename(name) === basename(path));
    });
    assert.deepEqual(unnamed, []);
  });
}

test('ARCHITECTURE.md is a map with every folder of builder, on at most 90 lines', () => {
  const map = textOf('ARCHITECTURE.md');
  const folders = writtenNames('builder').filter((name) => !name.includes('.'));
  const named = namesIn(map);
  assert.deepEqual(
    folders.filter((name) => !named.includes(name)),
    [],
  );
  assert.ok(map.split('\n').length <= 91);
});

test('source files that the documents name are there', () => {
  const sources = writtenFiles().filter((path) => /\.(ts|mjs)$/.test(path));
  const isThere = (name: string, folder: string): boolean =>
    sources.includes(normalize(name)) || sources.some((path) => isBelow(path, folder) && path.endsWith(`/${name}`));
  const gone = documents()
    .filter((path) => path !== 'CHANGELOG.md')
    .flatMap((path) => sourceNamesIn(textOf(path)).map((name) => ({ path, name })))
    .filter(({ path, name }) => name !== 'kebab-case.ts' && !isThere(name, dirname(path)))
    .map(({ path, name }) => `${path}: ${name}`);
  assert.deepEqual(gone, []);
});

for (const page of pages) {
  test(`${decisions}/${page} has the form of a decision`, () => {
    const text = textOf(join(decisions, page));
    const beginning = new RegExp(
      `^# ${page.slice(0, 4)}\\. \\S.*\\n\\nStatus: (accepted|superseded by \\[\\d{4}\\]\\(\\S+\\))\\n\\n## Context\\n`,
    );
    assert.match(text, beginning);
    const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading).filter((heading) => heading !== 'Figures');
    assert.deepEqual(headings, ['Context', 'Decision', 'Consequences']);
  });
}

test('decisions have numbers without gaps', () => {
  assert.deepEqual(
    pages.map((name) => name.slice(0, 4)),
    pages.map((_, index) => String(index + 1).padStart(4, '0')),
  );
});

function textOf(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}

/** What is named as code or by a link. Prose does not count: `run` is a word. */
function namesIn(markdown: string): readonly string[] {
  return [...markdown.matchAll(/`([^`\n]+)`|\]\(([^)#]+)\)/g)].map(([, code, target]) => code ?? target ?? '');
}

function sourceNamesIn(markdown: string): readonly string[] {
  return [...markdown.matchAll(/(?<![\w/.*-])([\w./-]+\.(?:ts|mjs))\b/g)].map(([name]) => name);
}

function isBelow(path: string, folder: string): boolean {
  return folder === '.' || path.startsWith(`${folder}/`);
}
