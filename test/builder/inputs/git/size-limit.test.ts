import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fetchGitTree, gitLocation } from '../../../../builder/inputs/git/git-tree.ts';
import { type SizeLimit, withinLimit } from '../../../../builder/inputs/git/size-limit.ts';
import { openStore } from '../../../../cache/store.ts';
import { GitServer, type TestRepository } from '../../../support/git-server.ts';
import { requires } from '../../../support/requires.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const needs = requires('tool:git');
const megabyte = 2 ** 20;
const plenty: SizeLimit = { bytes: 100 * megabyte, files: 1000, reason: ', for this test' };

/** Fills a repository with what is too much in one way. */
type Filling = (repository: TestRepository) => void;

const rows: readonly (readonly [name: string, fill: Filling, limit: Partial<SizeLimit>, isRefused: boolean])[] = [
  ['what fits', (repository) => repository.write('f', 'f'), { bytes: megabyte }, false],
  [
    'a pack that is too large',
    (repository) => repository.write('f', randomBytes(3 * megabyte).toString('base64')),
    { bytes: megabyte },
    true,
  ],
  [
    'a small pack of large files',
    (repository) => repository.write('f', 'x'.repeat(20 * megabyte)),
    { bytes: 5 * megabyte },
    true,
  ],
  [
    'many files',
    (repository) => {
      for (let index = 0; index < 200; index++) repository.write(`${index % 10}/${index}`, '');
    },
    { files: 150 },
    true,
  ],
];

for (const [name, fill, limit, isRefused] of rows) {
  test(`fetchGitTree() ${isRefused ? 'refuses' : 'takes'} ${name}`, needs, async () => {
    await using server = await GitServer.start();
    using folder = temporaryFolder();
    const repository = server.repository('app');
    fill(repository);
    repository.commit('all');
    using store = await openStore(folder.at('store'));
    const fetching = fetchGitTree(
      gitLocation(server.url('app')),
      { keepsGitFolder: false },
      {
        store,
        environment: process.env,
        secret: async () => undefined,
        forwardedAgent: async () => undefined,
        own: undefined,
        isTyped: () => false,
        tlsVerify: undefined,
        signal: new AbortController().signal,
        onProgress: () => undefined,
        limit: { ...plenty, ...limit },
      },
    );
    if (isRefused) {
      await assert.rejects(
        fetching,
        /Cannot fetch "http:\S+": the repository takes more than \d+ MiB, for this test, or more than \d+ files/,
      );
    } else {
      await fetching;
    }
    // Nothing of git's is left, before the store is closed.
    assert.deepEqual(filesNamed(folder.at('store'), /pack|HEAD|index/), []);
  });
}

test('withinLimit() tells of the limit when the work fails before the next measurement, and else of the failure', async () => {
  using folder = temporaryFolder();
  const limited = { limit: { ...plenty, bytes: 1000 }, signal: new AbortController().signal };
  const fail = (bytes: number) => async (): Promise<void> => {
    writeFileSync(folder.at('pack'), Buffer.alloc(bytes));
    throw new Error('no space left');
  };
  await assert.rejects(withinLimit(folder.path, limited, fail(1000)), /no space left/);
  await assert.rejects(withinLimit(folder.path, limited, fail(1001)), /takes more than 0 MiB, for this test/);
});

function filesNamed(folder: string, name: RegExp): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}
