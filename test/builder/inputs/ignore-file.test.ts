import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { readIgnoreRules } from '../../../builder/inputs/ignore-file.ts';
import { ContainerfileError } from '../../../parser/mistakes/errors.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { signal } = new AbortController();

const rows: readonly (readonly [files: readonly string[], chosen: string | undefined])[] = [
  [[], undefined],
  [['c/.dockerignore'], '.dockerignore'],
  [['c/.containerignore'], '.containerignore'],
  [['c/.containerignore', 'c/.dockerignore'], '.containerignore'],
  [['c/.dockerignore', 'f/File.containerignore'], 'File.containerignore'],
  [['f/File.containerignore', 'f/File.dockerignore'], 'File.dockerignore'],
  [['f/Other.dockerignore'], undefined],
  [['c/.dockerignore', 'f/File.dockerignore', 'chosen'], 'chosen'],
];

test('readIgnoreRules() takes the first file that exists', async () => {
  for (const [files, chosen] of rows) {
    using folder = temporaryFolder('ignore');
    mkdirSync(folder.at('c'));
    mkdirSync(folder.at('f'));
    for (const file of files) writeFileSync(folder.at(file), 'x\n');
    const ignoreFile = files.includes('chosen') ? folder.at('chosen') : undefined;
    const rules = await readIgnoreRules({ root: folder.at('c'), containerfile: folder.at('f/File'), ignoreFile, signal });
    assert.equal(rules.name, chosen, files.join(' '));
    assert.equal(rules.isEmpty, chosen === undefined);
  }
});

test('readIgnoreRules() does not follow a link out of the context', async () => {
  using folder = temporaryFolder('ignore');
  mkdirSync(folder.at('c/sub'), { recursive: true });
  writeFileSync(folder.at('outside'), 'x');
  writeFileSync(folder.at('c/sub/rules'), 'x');
  symlinkSync('../outside', folder.at('c/.dockerignore'));
  const read = (): ReturnType<typeof readIgnoreRules> =>
    readIgnoreRules({ root: folder.at('c'), containerfile: undefined, ignoreFile: undefined, signal });
  assert.equal((await read()).name, undefined);
  symlinkSync('sub/rules', folder.at('c/.containerignore'));
  assert.equal((await read()).name, '.containerignore');
});

test('readIgnoreRules() names the lines that are wrong', async () => {
  using folder = temporaryFolder('ignore');
  writeFileSync(folder.at('.dockerignore'), 'a\n!\n[\n');
  const reading = readIgnoreRules({ root: folder.path, containerfile: undefined, ignoreFile: undefined, signal });
  await assert.rejects(reading, (error) => {
    assert.ok(error instanceof ContainerfileError);
    assert.deepEqual(
      error.diagnostics.map(({ message, span }) => [message, span]),
      [
        [
          'Cannot read line 2 of .dockerignore: pattern "!": nothing follows the exclamation mark',
          { source: 0, start: 2, end: 3 },
        ],
        ['Cannot read line 3 of .dockerignore: pattern "[": a "[" has no "]"', { source: 0, start: 4, end: 5 }],
      ],
    );
    assert.deepEqual(error.sources, [{ name: '.dockerignore', text: 'a\n!\n[\n' }]);
    return true;
  });
  const chosen = readIgnoreRules({ root: folder.path, containerfile: undefined, ignoreFile: folder.at('none'), signal });
  await assert.rejects(chosen, {
    name: 'UsageError',
    message: `Cannot read ignore file "${folder.at('none')}": it does not exist`,
  });
});
