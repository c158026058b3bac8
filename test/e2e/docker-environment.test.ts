import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FakeRegistry } from '../support/fake-registry.ts';
import { readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');

function prepared(environment: Readonly<Record<string, string>> = {}): Sandbox {
  const box = sandbox({ environment });
  return box.file('c/Containerfile', 'FROM scratch AS one\nARG TARGETPLATFORM\nLABEL for=$TARGETPLATFORM\n');
}

const platformRows: readonly [variable: string, flags: readonly string[], expected: string][] = [
  ['linux/arm64', [], 'linux/arm64'],
  ['linux/arm64', ['--platform=linux/s390x'], 'linux/s390x'],
  ['', ['--platform=linux/arm/v7'], 'linux/arm/v7'],
  [' linux/aarch64 ', [], 'linux/arm64'],
];

for (const [variable, flags, expected] of platformRows) {
  test(`DOCKER_DEFAULT_PLATFORM=${variable} with ${flags.join(' ') || 'no flag'} builds for ${expected}`, needs, async () => {
    using box = prepared({ DOCKER_DEFAULT_PLATFORM: variable });
    await box.tsbuild(...flags, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
    const { config } = await readImage(box.at('o.tar'));
    assert.deepEqual([config.architecture, config.config['Labels']], [expected.split('/')[1], { for: expected }]);
  });
}

test('DOCKER_DEFAULT_PLATFORM may name several platforms', needs, async () => {
  using box = prepared({ DOCKER_DEFAULT_PLATFORM: 'linux/amd64,linux/arm64' });
  await box.tsbuild('-o', 'type=oci,tar=false,dest=layout', 'c').succeeds();
  const { manifests } = JSON.parse(readFileSync(box.at('layout/index.json'), 'utf8'));
  assert.match(manifests[0].mediaType, /index/);
});

test('DOCKER_DEFAULT_PLATFORM says which image pull and copy take', needs, async () => {
  await using registry = await FakeRegistry.start();
  using box = prepared();
  const name = `${registry.host}/app:1`;
  await box.tsbuild('--platform=linux/arm64,linux/s390x', '-t', name, '--push', 'c').succeeds();
  const environment = { DOCKER_DEFAULT_PLATFORM: 'linux/s390x', TSBUILD_STORE: box.at('other') };
  await box.tsbuildWith({ environment }, 'pull', name).succeeds();
  await box.tsbuildWith({ environment }, 'copy', `docker://${name}`, 'oci-archive:o.tar').succeeds();
  assert.equal((await readImage(box.at('o.tar'))).config.architecture, 's390x');
  const both = { ...environment, DOCKER_DEFAULT_PLATFORM: 'linux/s390x,linux/arm64' };
  await box.tsbuildWith({ environment: both }, 'pull', name).fails({
    exit: 2,
    stderr: /Cannot take one image of several: DOCKER_DEFAULT_PLATFORM names more than one platform/,
  });
});

const refused: readonly [environment: Readonly<Record<string, string>>, stderr: RegExp][] = [
  [{ DOCKER_DEFAULT_PLATFORM: 'a/b/c/d' }, /Cannot use the platform "a\/b\/c\/d" of DOCKER_DEFAULT_PLATFORM/],
  [{ BUILDKIT_PROGRESS: 'loud' }, /Cannot use BUILDKIT_PROGRESS loud/],
  [
    { EXPERIMENTAL_BUILDKIT_SOURCE_POLICY: 'policy.json' },
    /Cannot build under the policy of EXPERIMENTAL_BUILDKIT_SOURCE_POLICY/,
  ],
];

for (const [environment, stderr] of refused) {
  test(`${Object.entries(environment).join().replace(',', '=')} is refused`, needs, async () => {
    using box = prepared(environment);
    await box.tsbuild('-t', 'x', 'c').fails({ exit: 2, stderr });
  });
}

test('variables that are empty say nothing', needs, async () => {
  using box = prepared({ DOCKER_DEFAULT_PLATFORM: '', EXPERIMENTAL_BUILDKIT_SOURCE_POLICY: '', BUILDKIT_PROGRESS: '' });
  await box.tsbuild('-t', 'x', 'c').succeeds();
});

const idle: readonly [variable: string, values: readonly string[], others: readonly string[]][] = [
  ['BUILDX_GIT_LABELS', ['1', 'full'], ['0', 'false', '']],
  ['BUILDX_METADATA_PROVENANCE', ['max', 'true'], ['disabled', 'false', '']],
  ['BUILDX_METADATA_WARNINGS', ['true'], ['0', '']],
];

for (const [variable, values, others] of idle) {
  test(`${variable} is told to have no effect`, needs, async () => {
    for (const value of [...values, ...others]) {
      using box = prepared({ [variable]: value });
      const { stderr } = await box.tsbuild('-t', 'x', 'c').succeeds();
      assert.equal(stderr.includes(`${variable} has no effect: `), values.includes(value), `${value}: ${stderr}`);
    }
  });
}

const quietRows: readonly [environment: Readonly<Record<string, string>>, flags: readonly string[]][] = [
  [{}, ['-q']],
  [{}, ['--progress=quiet']],
  [{}, ['-q', '--progress=plain']],
  [{ BUILDKIT_PROGRESS: 'quiet' }, []],
];

for (const [environment, flags] of quietRows) {
  test(`${[...Object.keys(environment), ...flags].join(' ')} prints the image id and nothing else`, needs, async () => {
    using box = prepared(environment);
    const { stdout, stderr } = await box.tsbuild(...flags, '--iidfile', 'iid', '-t', 'x', 'c').succeeds();
    assert.deepEqual([stdout, stderr], [`${readFileSync(box.at('iid'), 'utf8')}\n`, '']);
  });
}

test('BUILDKIT_PROGRESS yields to --progress', needs, async () => {
  using box = prepared({ BUILDKIT_PROGRESS: 'quiet' });
  const { stdout, stderr } = await box.tsbuild('--progress=rawjson', 'c').succeeds();
  assert.equal(stdout, '');
  assert.match(stderr, /^\{/);
});

test('-q and --iidfile give the digest of the index of several platforms', needs, async () => {
  using box = prepared();
  const { stdout } = await box
    .tsbuild('-q', '--iidfile', 'iid', '--platform=linux/amd64,linux/arm64', '-o', 'type=oci,tar=false,dest=layout', 'c')
    .succeeds();
  const { manifests } = JSON.parse(readFileSync(box.at('layout/index.json'), 'utf8'));
  assert.equal(stdout, `${manifests[0].digest}\n`);
  assert.equal(readFileSync(box.at('iid'), 'utf8'), manifests[0].digest);
});

test('--no-cache-filter and --no-cache=NAME want names of stages', needs, async () => {
  using box = prepared();
  for (const flag of ['--no-cache-filter=oen', '--no-cache=oen']) {
    await box.tsbuild(flag, 'c').fails({ exit: 2, stderr: /no stage has that name\nhint: Did you mean "one"\?/ });
  }
  await box.tsbuild('--no-cache-filter=ONE', 'c').succeeds();
});
