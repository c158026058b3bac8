import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const warned = 'FROM scratch AS Base\nCOPY node_modules/x /x\nENV name value\n';

function prepared(containerfile: string): Sandbox {
  return sandbox().file('Containerfile', containerfile).file('.dockerignore', 'node_modules\n');
}

test('check ends with 0 and says so when it finds nothing', async () => {
  using box = prepared('FROM scratch\nCOPY x /x\n');
  const { stdout, stderr } = await box.tsbuild('check', '.').succeeds();
  assert.deepEqual([stdout, stderr], ['No mistakes found\n', '']);
});

test('check ends with 1 for warnings, shows each with its name and place, and counts them', async () => {
  using box = prepared(warned);
  const { stdout } = await box.tsbuild('check', '.').fails({ exit: 1 });
  assert.match(stdout, /^warning: StageNameCasing: Stage name 'Base' should be lowercase\n --> Containerfile:1:17\n/);
  assert.match(stdout, /\nwarning: CopyIgnoredFile: .*\n --> Containerfile:2:6\n/);
  assert.match(stdout, /\n3 warnings\n$/);
});

test('check ends with 2 for errors, and shows warnings beside them', async () => {
  using box = prepared(`${warned}COPPY a /a\n`);
  const { stdout } = await box.tsbuild('check', '.').fails({ exit: 2 });
  assert.deepEqual(
    [...stdout.matchAll(/^(?:error|warning): (\w+)/gm)].map(([, word]) => word),
    ['StageNameCasing', 'CopyIgnoredFile', 'LegacyKeyValueFormat', 'Cannot'],
  );
  assert.match(stdout, /\n1 error, 3 warnings\n$/);
});

const contexts: readonly (readonly [context: string, why: RegExp])[] = [
  ['nosuch', /^error: Cannot use context "nosuch": it does not exist\nhint: /],
  ['Containerfile', /^error: Cannot use context "Containerfile": it is not a folder\nhint: /],
  ['Containerfile/x', /^error: Cannot use context "Containerfile\/x": a part of the path is no folder\n/],
  ['circle', /^error: Cannot read Containerfile "circle\/Containerfile": its links lead in a circle\n/],
];
for (const command of ['check', 'outline', 'targets']) {
  for (const [context, stderr] of contexts) {
    test(`${command} says what is wrong with context "${context}"`, async () => {
      using box = prepared('FROM scratch\nCOPY x /x\n').link('circle/Containerfile', 'Containerfile');
      await box.tsbuild(command, context).fails({ exit: 2, stderr });
    });
  }
}

test('check finds stages that do not exist', async () => {
  using box = prepared('FROM scratch AS a\nFROM scratch\nCOPY --from=b /x /x\n');
  assert.match((await box.tsbuild('check', '--target=z', '.').fails({ exit: 2 })).stdout, /^error: Cannot build "z": /);
});

test('check is silent about an ignored source when a rule takes something back in', async () => {
  using box = prepared('FROM scratch\nCOPY node_modules/x /x\n').file('.dockerignore', 'node_modules\n!node_modules/x\n');
  await box.tsbuild('check', '.').succeeds();
});

for (const [ignored, isReported] of [
  ['*', true],
  ['**', true],
  ['.*', false],
  ['*.md', false],
  ['*\n!x', false],
] as const) {
  test(`L16: check ${isReported ? 'tells' : 'does not tell'} of the whole context being ignored by ${JSON.stringify(ignored)}`, async () => {
    using box = sandbox().file('Containerfile', 'FROM scratch\nCOPY . /\nCOPY ./ /\n').file('.dockerignore', ignored);
    const { stdout } = await box.tsbuild('check', '.').fails({ exit: isReported ? 1 : 0 });
    assert.equal([...stdout.matchAll(/^warning: CopyIgnoredFile: Attempting to Copy file "\."/gm)].length, isReported ? 2 : 0);
  });
}

test('I02: a pattern that is wrong is shown where it stands', async () => {
  using box = sandbox().file('Containerfile', 'FROM scratch\nCOPY a /\n').file('.dockerignore', 'a\n!\n');
  await box.tsbuild('check', '.').fails({ exit: 2, stderr: /^error: Cannot read line 2 of .*\n --> \.dockerignore:2:1\n/ });
});

for (const [command, stream] of [
  ['check', 'stdout'],
  ['build', 'stderr'],
  ['outline', 'stderr'],
] as const) {
  test(`tsbuild ${command} shows a wrong wildcard and a wrong --exclude where they stand, before anything runs`, async () => {
    using box = sandbox().file('Containerfile', 'FROM scratch AS a\nCOPY x[ /\nFROM scratch\nCOPY --from=a --exclude=[ x /\n');
    await box.tsbuild(command, '.').fails({
      exit: 2,
      [stream]: [
        /^error: Cannot read pattern "x\["/m,
        / --> Containerfile:2:6\n/,
        / --> Containerfile:4:\d+\n/,
        /hint: .*"\[\[\]"/,
      ],
    });
  });
}

test('check takes --ignorefile, and the Containerfile from standard input', async () => {
  using box = sandbox().file('ignore', 'x\n');
  const command = ['check', '--ignorefile=ignore', '-f', '-', '.'];
  const { stdout } = await box.tsbuildWith({ stdin: 'FROM scratch\nCOPY x /\n' }, ...command).fails({ exit: 1 });
  assert.match(stdout, /^warning: CopyIgnoredFile/);
});

for (const flags of [
  ['check', '--json'],
  ['check', '--format=json'],
  ['--call=check,format=json'],
  ['--check', '--call=lint,format=json'],
]) {
  test(`tsbuild ${flags.join(' ')} prints BuildKit's JSON`, async () => {
    using box = prepared(warned);
    const { stdout } = await box.tsbuild(...flags, '.').fails({ exit: 1 });
    const { warnings, sources }: { warnings: { ruleName: string }[]; sources: { filename: string }[] } = JSON.parse(stdout);
    assert.deepEqual(
      [warnings.map(({ ruleName }) => ruleName), sources.map(({ filename }) => filename)],
      [['StageNameCasing', 'CopyIgnoredFile', 'LegacyKeyValueFormat'], ['Containerfile']],
    );
  });
}

for (const flags of [['check', '--format=sarif'], ['--call=check,format=sarif']]) {
  test(`tsbuild ${flags.join(' ')} prints SARIF`, async () => {
    using box = prepared(`${warned}COPPY a /a\n`);
    const { stdout } = await box.tsbuild(...flags, '.').fails({ exit: 2 });
    const log: { version: string; runs: { results: { ruleId: string; level: string }[] }[] } = JSON.parse(stdout);
    assert.equal(log.version, '2.1.0');
    assert.deepEqual(
      log.runs[0]?.results.map(({ ruleId, level }) => [ruleId, level]),
      [
        ['StageNameCasing', 'warning'],
        ['CopyIgnoredFile', 'warning'],
        ['LegacyKeyValueFormat', 'warning'],
        ['unknown-instruction', 'error'],
      ],
    );
  });
}

test('outline and targets print tables and JSON', async () => {
  const text =
    '# app is the program\nFROM scratch AS app\n# V is its version\nARG V=1\nRUN --mount=type=secret,id=key [ "/x", "$V" ]\n';
  using box = sandbox().file('Containerfile', text);
  const outlined = (await box.tsbuild('outline', '.').succeeds()).stdout;
  assert.match(outlined, /TARGET: app\nDESCRIPTION: is the program\n[\s\S]*\nV +1 +is its version\n[\s\S]*\nkey\n/);
  const outline: { name: string } = JSON.parse((await box.tsbuild('--call=outline,format=json', '.').succeeds()).stdout);
  assert.equal(outline.name, 'app');
  assert.match((await box.tsbuild('--call=targets', '.').succeeds()).stdout, /\napp \(default\) +scratch +is the program\n/);
  const listed: { targets: { name: string }[] } = JSON.parse(
    (await box.tsbuild('targets', '--format=json', '.').succeeds()).stdout,
  );
  assert.deepEqual(
    listed.targets.map(({ name }) => name),
    ['app'],
  );
});

test('a format that a description does not have is refused', async () => {
  using box = prepared('FROM scratch\n');
  await box
    .tsbuild('targets', '--format=sarif', '.')
    .fails({ exit: 2, stderr: /Cannot use --format sarif: expected text or json/ });
  await box.tsbuild('--call=check,form=json', '.').fails({ exit: 2, stderr: /Cannot use "form" in --call/ });
  await box.tsbuild('--check', '--call=targets', '.').fails({ exit: 2, stderr: /Cannot use --check with --call targets/ });
});

test('an annotation that cannot be read is refused, whatever is done with the file', async () => {
  using box = prepared('FROM scratch\n');
  const stderr = /^error: Cannot annotate "nosuch": there is no such level\n/;
  for (const flags of [['--call=check'], ['-o', 'out'], ['-t', 'x']]) {
    await box.tsbuild('build', ...flags, '--annotation', 'nosuch:a=b', '.').fails({ exit: 2, stderr });
  }
});
