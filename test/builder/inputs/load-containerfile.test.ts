import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { type LoadedContainerfile, loadContainerfile } from '../../../builder/inputs/load-containerfile.ts';
import { parseContainerfileLocation } from '../../../builder/settings/containerfile-location.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';

const readers = {
  signal: new AbortController().signal,
  stdin: () => Promise.resolve('of standard input'),
  url: (url: string) => Promise.resolve(`of ${url}`),
};

function load(folder: TemporaryFolder, files: readonly string[]): Promise<LoadedContainerfile> {
  return loadContainerfile(
    { contextName: folder.at('c'), files: files.map(parseContainerfileLocation) },
    folder.at('c'),
    readers,
  );
}

function fill(folder: TemporaryFolder, names: readonly string[]): void {
  for (const name of ['c/', ...names]) {
    mkdirSync(name.endsWith('/') ? folder.at(name) : dirname(folder.at(name)), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(folder.at(name), `of ${name}`);
  }
}

const rows: readonly (readonly [what: string, names: readonly string[], found: string])[] = [
  ['Containerfile before Dockerfile', ['c/Dockerfile', 'c/Containerfile'], 'c/Containerfile'],
  ['Dockerfile', ['c/Dockerfile', 'c/dockerfile'], 'c/Dockerfile'],
  ['G20: dockerfile in lower case', ['c/dockerfile'], 'c/dockerfile'],
];

for (const [what, names, found] of rows) {
  test(`loadContainerfile() finds ${what} when none is named`, async () => {
    using folder = temporaryFolder('load');
    fill(folder, names);
    const { sources, path } = await load(folder, []);
    assert.deepEqual([sources.map(({ text }) => text), path], [[`of ${found}`], folder.at(found)]);
  });
}

test('G20: loadContainerfile() follows links, and reads files outside the context', async () => {
  using folder = temporaryFolder('load');
  fill(folder, ['elsewhere/file']);
  symlinkSync('../elsewhere/file', folder.at('c/Dockerfile'));
  assert.equal((await load(folder, [])).sources[0]?.text, 'of elsewhere/file');
  const { sources, path } = await load(folder, [folder.at('elsewhere/file')]);
  assert.deepEqual([sources[0]?.text, path], ['of elsewhere/file', folder.at('elsewhere/file')]);
});

test('loadContainerfile() reads several files, standard input and URLs in their order, and shows no password', async () => {
  using folder = temporaryFolder('load');
  fill(folder, ['one']);
  const { sources, path } = await load(folder, [folder.at('one'), '-', 'https://me:secret@host/f?token=x']);
  assert.deepEqual(
    sources.map(({ name, text }) => [name, text]),
    [
      [folder.at('one'), 'of one'],
      ['-', 'of standard input'],
      ['https://host/f', 'of https://me:secret@host/f?token=x'],
    ],
  );
  assert.equal(path, folder.at('one'));
});

const refusals: readonly (readonly [what: string, names: readonly string[], file: string | undefined, message: RegExp])[] = [
  ['a context without any', [], undefined, /^Cannot find a Containerfile: ".*\/c" holds neither Containerfile nor Dockerfile$/],
  ['a file that does not exist', [], 'none', /^Cannot read Containerfile ".*\/none": it does not exist$/],
  ['a folder', ['d/'], 'd', /^Cannot read Containerfile ".*\/d": it is a folder$/],
  ['a path through a file', ['f'], 'f/x', /^Cannot read Containerfile ".*": a part of its path is not a folder$/],
];

for (const [what, names, file, message] of refusals) {
  test(`loadContainerfile() refuses ${what}`, async () => {
    using folder = temporaryFolder('load');
    fill(folder, names);
    await assert.rejects(load(folder, file === undefined ? [] : [folder.at(file)]), { name: 'UsageError', message });
  });
}
