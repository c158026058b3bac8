import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');
const file = 'FROM scratch AS unused\nENV unused legacy\nFROM scratch\nCOPY f /f\nENV name value\n';

test('a build tells what the checks find in the stages that it needs, with places', needs, async () => {
  using box = sandbox().file('Containerfile', file).file('f');
  const { stderr } = await box.tsbuild('-o', 'type=none', '.').succeeds();
  assert.deepEqual(
    stderr.split('\n').filter((line) => line.startsWith('warning:')),
    ['warning: LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format (Containerfile:5)'],
  );
});

test('a build for several platforms tells it once', needs, async () => {
  using box = sandbox().file('Containerfile', file).file('f');
  const { stderr } = await box.tsbuild('--platform=linux/amd64,linux/arm64', '-o', 'type=none', '.').succeeds();
  assert.equal([...stderr.matchAll(/^warning:/gm)].length, 1);
});

for (const [how, text, flags] of [
  ['the directive', `# check=error=true\n${file}`, []],
  ['the build argument', file, ['--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=error=true']],
] as const) {
  test(`findings are errors with error=true of ${how}, and nothing is done`, needs, async () => {
    using box = sandbox().file('Containerfile', text).file('f');
    await box.tsbuild(...flags, '-o', 'out', '.').fails({
      exit: 2,
      stderr: [/^error: LegacyKeyValueFormat: .*\n --> Containerfile:\d:1\n/, /^[^#]*$/],
    });
    assert.equal(existsSync(box.at('out')), false);
    assert.deepEqual(existsSync(box.at('store/steps')) ? readdirSync(box.at('store/steps')) : [], []);
  });
}

test('a build is silent with skip=all', needs, async () => {
  using box = sandbox().file('Containerfile', `# check=skip=all\n${file}`).file('f');
  assert.doesNotMatch((await box.tsbuild('-o', 'type=none', '.').succeeds()).stderr, /warning/);
});

test('a source that is ignored is a warning before it is an error', needs, async () => {
  using box = sandbox().file('Containerfile', 'FROM scratch\nCOPY f /f\n').file('.dockerignore', 'f\n').file('f');
  await box.tsbuild('.').fails({ exit: 1, stderr: [/^warning: CopyIgnoredFile: .* \(Containerfile:2\)\n/, /error: /] });
});

test('a build tells of build arguments that the environment does not have, and takes the others from it', needs, async () => {
  using box = sandbox({ environment: { GIVEN: 'x' } }).file('Containerfile', 'FROM scratch\nARG GIVEN MISSING\nENV A=$GIVEN\n');
  const { stderr } = await box.tsbuild('--build-arg=GIVEN', '--build-arg=MISSING', '-o', 'type=none', '.').succeeds();
  assert.deepEqual(stderr.match(/^The build argument.*$/gm), [
    'The build argument "MISSING" stays unset: the environment does not have it. Try --build-arg MISSING=VALUE',
  ]);
});
