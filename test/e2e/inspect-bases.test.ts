import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { layerTar, writeLayout } from '../support/images.ts';
import { closeAll, hostOf, listen } from '../support/loopback.ts';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const known = ['--build-context', 'base=oci-layout://base'];

/** A sandbox with a Containerfile, and a base image with this configuration behind the name `base`. */
async function prepared(containerfile: string, config: Readonly<Record<string, unknown>>): Promise<Sandbox> {
  const box = sandbox().file('c/Containerfile', containerfile);
  writeLayout(box.at('base'), { layers: [await layerTar([{ name: 'f' }])], config });
  return box;
}

test('check knows the SHELL, the ENV and the ONBUILD of base images', async () => {
  const file = 'ARG G=1\nFROM base AS unneeded\nCMD x\nFROM base\nENV A=$B$C$G\nCMD x\n';
  using box = await prepared(file, { Env: ['B=1'], Shell: ['/bin/other', '-c'], OnBuild: ['ENV C=1', 'ARG G'] });
  await box.tsbuild('check', ...known, 'c').succeeds();
});

test('check knows what base images do not set', async () => {
  using box = await prepared('FROM base\nENV A=$B\nCMD x\n', { Env: ['C=1'] });
  const { stdout } = await box.tsbuild('check', ...known, 'c').fails({ exit: 1 });
  assert.deepEqual(
    [...stdout.matchAll(/^warning: (\w+)/gm)].map(([, name]) => name),
    ['UndefinedVar', 'JSONArgsRecommended'],
  );
});

test('check finds what only planning can find', async () => {
  using box = await prepared('FROM base\nENV A=${B:?needed}\nFROM base\nARG C\nCOPY --chown=${C:?needed} f /\n', {
    Env: ['B=1'],
  });
  const { stdout } = await box.tsbuild('check', ...known, 'c').fails({ exit: 2 });
  assert.match(stdout, /^error: Cannot expand "C": needed\n --> \S+:5:\d+\n[\s\S]*\n1 error\n$/);
});

test('check needs no permission for what a build would run', async () => {
  using box = await prepared('FROM base\nRUN --network=host x\nRUN --security=insecure x\n', {});
  await box.tsbuild('check', ...known, 'c').succeeds();
});

test('L19: check tells of a base for another platform', async () => {
  using box = await prepared('FROM base\n', {});
  const { stdout } = await box.tsbuild('check', '--platform=linux/s390x', ...known, 'c').fails({ exit: 1 });
  const expected =
    /^warning: InvalidBaseImagePlatform: Base image base was pulled with platform "linux\/\w+", expected "linux\/s390x"/;
  assert.match(stdout, expected);
});

test('check --target looks at the stages and the images that the target needs', async () => {
  using box = await prepared('FROM base AS a\nENV x y\nFROM 127.0.0.1:1/none AS b\nENV x y\n', {});
  const { stdout, stderr } = await box.tsbuild('check', '--target=a', ...known, 'c').fails({ exit: 1 });
  assert.match(stdout, /:2:1\n[\s\S]*\n1 warning\n$/);
  assert.equal(stderr, '');
});

for (const [why, flags, expected] of [
  ['does not answer', [], /^note: Going on without image "127\.0\.0\.1:1\/x": Cannot .*\n$/],
  ['may not be asked', ['--pull=never'], /^note: Going on without image "127\.0\.0\.1:1\/x": .*--pull=never\n$/],
  [
    'cannot be asked for lack of a store',
    ['--store=Containerfile/store'],
    /^note: Going on without image "127\.0\.0\.1:1\/x": Cannot .*\n$/,
  ],
] as const) {
  test(`check goes on without a base when the registry ${why}`, async () => {
    using box = sandbox().file('Containerfile', 'FROM 127.0.0.1:1/x\nENV A=${B:?need} C=$D\nENV x y\n');
    const { stdout, stderr } = await box.tsbuild('check', ...flags, '.').fails({ exit: 1 });
    assert.match(stdout, /^warning: LegacyKeyValueFormat: .*[\s\S]*\n1 warning\n$/);
    assert.match(stderr, expected);
  });
}

test('check does not wait long for a registry that is silent', async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => sockets.add(socket));
  await listen(silent);
  const host = hostOf(silent);
  using box = sandbox().file('Containerfile', `FROM ${host}/x AS a\nFROM ${host}/y\nENV x y\n`);
  const startMs = performance.now();
  const { stderr } = await box.tsbuild('check', '.').fails({ exit: 1 });
  // Twice five seconds, since registries on loopback are asked without TLS too.
  assert.ok(performance.now() - startMs < 20_000);
  assert.match(stderr, /^(note: Going on without image "127.*: Cannot fetch image .* did not answer in time\n){2}$/);
  await closeAll(silent, sockets);
});

test('check tells of a base that does not exist as an error at its FROM', requires('tool:docker-registry'), async () => {
  await using registry = await startRealRegistry();
  using box = sandbox().file('Containerfile', `FROM ${registry.host}/none:1\nENV x y\n`);
  const { stdout } = await box.tsbuild('check', '.').fails({ exit: 2 });
  assert.match(stdout, /^error: Cannot .*none:1.*\n --> Containerfile:1:6\n[\s\S]*\n1 error, 1 warning\n$/);
});

const perPlatform = `FROM scratch AS amd64
ENV x y
ARG COMMON=1
ARG ARCH=1
RUN --mount=type=secret,id=one ["x"]
FROM scratch AS arm64
ENV x=\${NEVER:?wanted}
ARG COMMON=2
RUN --mount=type=ssh ["x"]
FROM \${TARGETARCH} AS last
ARG TARGETARCH
ARG LAST=$TARGETARCH
ENV z $LAST
`;
const bothPlatforms = '--platform=linux/amd64,linux/arm64';

test('check looks at every platform, and names those that a finding is not common to', async () => {
  using box = sandbox().file('c/Containerfile', perPlatform);
  const { stdout } = await box.tsbuild('check', bothPlatforms, '--target=last', 'c').fails({ exit: 2 });
  const legacy = 'warning: LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format';
  assert.deepEqual(
    stdout.split('\n').filter((line) => /^(warning|error): | --> /.test(line)),
    [
      `${legacy} (for linux/amd64)`,
      ' --> c/Containerfile:2:1',
      'error: Cannot expand "NEVER": wanted (for linux/arm64)',
      ' --> c/Containerfile:7:7',
      "warning: UndefinedVar: Usage of undefined variable '$NEVER' (for linux/arm64)",
      ' --> c/Containerfile:7:7',
      legacy,
      '  --> c/Containerfile:13:1',
    ],
  );
  await box.tsbuild('check', '--platform=linux/amd64', '--target=last', 'c').fails({ exit: 1 });
});

interface Location {
  readonly ranges: readonly { readonly start: { readonly line: number } }[];
}

const lineOf = ({ ranges }: Location): number | undefined => ranges[0]?.start.line;

test('outline lists what the target takes for any platform, with the values of the first', async () => {
  using box = sandbox().file('c/Containerfile', perPlatform.replace(':?wanted', ':-x'));
  const { stdout } = await box.tsbuild('outline', bothPlatforms, '--json', 'c').succeeds();
  const outlined: Record<string, { name: string; value?: string; location: Location }[]> = JSON.parse(stdout);
  const shown = ['args', 'secrets', 'ssh'].map((kind) =>
    outlined[kind]?.map(({ name, value, location }) => `${name}=${value}:${lineOf(location)}`),
  );
  assert.deepEqual(shown, [['COMMON=1:3', 'ARCH=1:4', 'LAST=amd64:12'], ['one=undefined:5'], ['default=undefined:9']]);
});

test('outline lists what triggers of the base take', async () => {
  const triggers = ['ARG T=1', 'RUN --mount=type=secret,id=key x'];
  using box = await prepared('FROM base\nARG V=$B\n', { Env: ['B=of the base'], OnBuild: triggers });
  const { stdout } = await box.tsbuild('outline', ...known, '--json', 'c').succeeds();
  const { args, secrets }: Record<string, { name: string; value?: string; location: Location }[]> = JSON.parse(stdout);
  const shown = [args, secrets].map((list) => list?.map(({ name, value, location }) => [name, value, lineOf(location)]));
  assert.deepEqual(shown, [
    [
      ['T', '1', 1],
      ['V', 'of the base', 2],
    ],
    [['key', undefined, 1]],
  ]);
});

test('outline goes on without a base that does not answer, and targets asks nobody', async () => {
  using box = sandbox().file('Containerfile', 'FROM 127.0.0.1:1/x AS a\nARG V=1\n');
  const { stdout, stderr } = await box.tsbuild('outline', '.').succeeds();
  assert.match(stdout, /\nV +1\n/);
  assert.match(stderr, /^note: Going on without image/);
  assert.equal((await box.tsbuild('targets', '.').succeeds()).stderr, '');
});
