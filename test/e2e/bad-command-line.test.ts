import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sandbox } from '../support/sandbox.ts';

const rows: readonly [title: string, args: readonly string[], stderr: string][] = [
  ['an unknown flag', ['--taget', 'x', '.'], 'error: Cannot use --taget: no such flag\nhint: Did you mean --target?\n'],
  ['no context', [], 'error: Cannot build: no context given\nhint: To build the current folder: tsbuild .\n'],
  [
    'two contexts',
    ['a', 'b'],
    'error: Cannot build "a" and "b": only one context is possible\nhint: Flags with optional values take them after =, as in --pull=always\n',
  ],
  [
    '--load',
    ['--load', '.'],
    'error: Cannot use --load: tsbuild has no daemon to load into\nhint: Use --output type=docker,dest=- and pipe it into "docker load" or "podman load"\n',
  ],
];

for (const [title, args, stderr] of rows) {
  test(`the CLI refuses ${title}`, async () => {
    using box = sandbox();
    await box.tsbuild(...args).fails({ exit: 2, stderr });
  });
}

test('a name with an upper-case letter is refused before anything is built', async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM scratch\nCOPY nothing /\n');
  await box.tsbuild('-t', 'Upper', '.').fails({ exit: 2, stderr: /Upper/ });
});

test('--help shows the flags, and --version the version', async () => {
  using box = sandbox();
  const { stdout: help } = await box.tsbuild('build', '--help').succeeds();
  assert.match(help, /^Usage: tsbuild \[build\] \[FLAGS\] CONTEXT\n/);
  assert.match(help, /-f, --file FILE/);
  assert.deepEqual(
    help.split('\n').filter((line) => line.length > 100),
    [],
  );
  const { stdout: overview } = await box.tsbuild('--help').succeeds();
  assert.match(overview, /doctor/);
  const { stdout: version } = await box.tsbuild('--version').succeeds();
  assert.match(version, /^tsbuild \d+\.\d+\.\d+\n$/);
});
