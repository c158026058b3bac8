import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildFlags } from '../../../../builder/cli/flags/build-flags.ts';
import { parseFlags } from '../../../../builder/cli/flags/parse-flags.ts';
import { UsageError } from '../../../../builder/contract/errors.ts';

const parsed: readonly [
  title: string,
  argv: readonly string[],
  flag: string,
  values: readonly string[],
  operands: readonly string[],
][] = [
  ['a value after a blank', ['-t', 'app', '.'], '--tag', ['app'], ['.']],
  ['a value after =', ['--tag=app', '.'], '--tag', ['app'], ['.']],
  ['a value right behind a letter', ['-tapp', '.'], '--tag', ['app'], ['.']],
  ['a value behind a letter and =', ['-t=app', '.'], '--tag', ['app'], ['.']],
  ['a value that begins with = in a word of its own', ['-t', '=app', '.'], '--tag', ['=app'], ['.']],
  ['an empty value behind a letter and =', ['-t=', '.'], '--tag', [''], ['.']],
  ['several values in order', ['-t', 'a', '.', '--tag', 'b'], '--tag', ['a', 'b'], ['.']],
  ['a value that looks like a flag', ['--build-arg', '-x=1', '.'], '--build-arg', ['-x=1'], ['.']],
  ['an empty value', ['--target=', '.'], '--target', [''], ['.']],
  ['letters together', ['-qt', 'app', '.'], '--quiet', ['true'], ['.']],
  ['a switch that does not eat the context', ['--push', '.'], '--push', ['true'], ['.']],
  ['a switch with a value', ['--push=false', '.'], '--push', ['false'], ['.']],
  ['an optional value left out', ['--pull', '.'], '--pull', ['always'], ['.']],
  ['an optional value', ['--pull=never', '.'], '--pull', ['never'], ['.']],
  ['--no-cache, which is no negation', ['--no-cache', '.'], '--no-cache', ['true'], ['.']],
  ['an alias', ['--root', '/s', '.'], '--store', ['/s'], ['.']],
  ['operands behind --', ['--', '--push'], '--push', [], ['--push']],
  ['a dash as context', ['-'], '--file', [], ['-']],
];

for (const [title, argv, flag, values, operands] of parsed) {
  test(`parseFlags() reads ${title}`, () => {
    const result = parseFlags(argv, buildFlags);
    assert.deepEqual({ values: result.all(flag), operands: result.operands }, { values, operands });
  });
}

const refused: readonly [title: string, argv: readonly string[], flag: string, message: string, hint: string | undefined][] = [
  ['an unknown flag', ['--taget', 'x', '.'], '--taget', 'Cannot use --taget: no such flag', 'Did you mean --target?'],
  ['an unknown letter', ['-Z', '.'], '-Z', 'Cannot use -Z: no such flag', undefined],
  ['a missing value', ['.', '--tag'], '--tag', 'Cannot use --tag: it needs a value (NAME[:TAG])', undefined],
  [
    '--load',
    ['--load', '.'],
    '--load',
    'Cannot use --load: tsbuild has no daemon to load into',
    'Use --output type=docker,dest=- and pipe it into "docker load" or "podman load"',
  ],
];

for (const [title, argv, flag, message, hint] of refused) {
  test(`parseFlags() refuses ${title}`, () => {
    assert.throws(
      () => parseFlags(argv, buildFlags),
      (error) => {
        assert.ok(error instanceof UsageError);
        assert.deepEqual({ flag: error.flag, message: error.message }, { flag, message });
        if (hint !== undefined) assert.equal(error.hint, hint);
        return true;
      },
    );
  });
}

test('parseFlags() refuses a switch that is neither true nor false', () => {
  assert.throws(
    () => parseFlags(['--push=maybe', '.'], buildFlags).isOn('--push'),
    /Cannot use --push=maybe: expected true or false/,
  );
});

test('every build flag has its own names', () => {
  const names = buildFlags.flags
    .flatMap(({ long, short, aliases }) => [long, short, ...(aliases ?? [])])
    .filter((name) => name !== undefined);
  const all = [...names, ...(buildFlags.refused ?? []).map(({ long }) => long)];
  assert.deepEqual(
    all.filter((name, index) => all.indexOf(name) !== index),
    [],
  );
});
