import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan } from '../../../builder/plan/make-plan.ts';
import type { PlanOptions } from '../../../builder/plan/model/plan-options.ts';
import { selectStages } from '../../../builder/plan/stages/select-stages.ts';
import { buildFindings, type CheckedPlan } from '../../../builder/preflight/build-findings.ts';
import type { Diagnostic } from '../../../parser/mistakes/errors.ts';
import type { SourceImage } from '../../../registry/oci/image-source.ts';
import { image, parsed, plainOptions } from '../plan/plan-text.ts';

const arm64 = { os: 'linux', architecture: 'arm64' };

interface Setup {
  readonly env?: readonly string[];
  readonly shell?: readonly string[];
  readonly triggers?: readonly string[];
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly ignored?: readonly string[];
  /** What the base images are for; the build is for amd64. */
  readonly imageArchitecture?: string;
  readonly target?: string;
  readonly platforms?: readonly PlanOptions['platform'][];
}

function findingsOf(text: string, setup: Setup = {}): readonly Diagnostic[] {
  const file = parsed(text);
  const buildArgs = new Map(Object.entries(setup.buildArgs ?? {}));
  const plans = (setup.platforms ?? [plainOptions.platform]).map((platform): CheckedPlan => {
    const options: PlanOptions = { ...plainOptions, platform, buildArgs, target: setup.target };
    const images = new Map<string, SourceImage>();
    for (const { key, name } of selectStages(file, options).missing) {
      const architecture = setup.imageArchitecture ?? platform.architecture;
      const config = { Env: [...(setup.env ?? [])], Shell: setup.shell ?? [], OnBuild: setup.triggers ?? [] };
      images.set(key, image(name, { architecture, config }));
    }
    const { diagnostics } = plan(file, options, images);
    return { platform, selection: selectStages(file, options, images), images, diagnostics };
  });
  const ignored = new Set(setup.ignored);
  const sources = [{ name: 'Containerfile', text }];
  return buildFindings({ file, sources, plans, buildArgs, ignoredPaths: (path) => ignored.has(path) });
}

const rows: readonly [name: string, text: string, setup: Setup, codes: readonly string[]][] = [
  ['finds nothing in a clean file', 'FROM a\nCOPY x /x\n', {}, []],
  ['finds a variable that the base does not set', 'FROM a\nENV X=$HOME_DIR\n', {}, ['UndefinedVar']],
  ['knows what the base sets', 'FROM a\nENV X=$HOME_DIR\n', { env: ['HOME_DIR=/h', 'EMPTY'] }, []],
  ['knows what the base of the parent sets', 'FROM a AS p\nFROM p\nENV X=$HOME_DIR\n', { env: ['HOME_DIR=/h'] }, []],
  ['knows the SHELL of the base', 'FROM a\nCMD x\n', { shell: ['/bin/other', '-c'] }, []],
  ['knows that the base has no SHELL', 'FROM a\nCMD x\n', {}, ['JSONArgsRecommended']],
  [
    'knows what triggers of the base set',
    'ARG G=1\nFROM a\nENV X=$T$G\nCMD x\n',
    { triggers: ['ENV T=1', 'ARG G', 'SHELL ["/bin/other"]'] },
    [],
  ],
  ['knows that scratch sets nothing', 'FROM scratch\nENV X=$Y\n', {}, ['UndefinedVar']],
  [
    'knows the stage that a platform argument names',
    'FROM scratch AS v-amd64\nENV Y=1\nFROM v-$TARGETARCH\nLABEL a=$X$Y\n',
    {},
    ['UndefinedVar'],
  ],
  [
    'knows the stage that a platform argument names, in its children',
    'FROM scratch AS v-amd64\nENV Y=1\nFROM v-${TARGETARCH} AS w\nFROM w\nLABEL a=$X$Y\n',
    {},
    ['UndefinedVar'],
  ],
  ['knows the image that a platform argument names', 'FROM a:$TARGETARCH\nLABEL a=$X$Y\n', { env: ['Y=1'] }, ['UndefinedVar']],
  [
    'knows the stage that a build argument names',
    'ARG V=scratch\nFROM scratch AS v\nENV Y=1\nFROM $V\nLABEL a=$X$Y\n',
    { buildArgs: { V: 'v' } },
    ['UndefinedVar'],
  ],
  [
    'finds an argument that nobody uses beside a FROM with a platform argument',
    'ARG D\nFROM scratch AS v-amd64\nFROM v-$TARGETARCH\n',
    {},
    ['UnusedGlobalArg'],
  ],
  ['finds a source that is ignored', 'FROM a\nCOPY x y /\n', { ignored: ['x'] }, ['CopyIgnoredFile']],
  ['leaves stages alone that are not built', 'FROM a AS other\nENV x y\nFROM a\n', {}, []],
  ['looks at the stages of the target', 'FROM a AS other\nENV x y\nFROM a\n', { target: 'other' }, ['LegacyKeyValueFormat']],
  [
    'tells once what is the same for several platforms',
    'FROM a\nENV x y\n',
    { platforms: [plainOptions.platform, arm64] },
    ['LegacyKeyValueFormat'],
  ],
  ['tells of a base for another platform', 'FROM a\n', { imageArchitecture: 's390x' }, ['InvalidBaseImagePlatform']],
  [
    'skips the finding of planning that the file skips',
    '# check=skip=InvalidBaseImagePlatform\nFROM a\n',
    { imageArchitecture: 's390x' },
    [],
  ],
  [
    'skips it above an instruction',
    'ARG A=a\n# check=skip=InvalidBaseImagePlatform\nFROM $A\n',
    { imageArchitecture: 's390x' },
    [],
  ],
  [
    'tells of build arguments that nobody consumes',
    '# check=skip=all\nFROM a\n',
    { buildArgs: { NOBODY: '1' } },
    ['UnconsumedBuildArg'],
  ],
  [
    'lets the build argument replace the directive',
    '# check=skip=all\nFROM a\nENV x y\n',
    { buildArgs: { BUILDKIT_DOCKERFILE_CHECK: 'skip=StageNameCasing' } },
    ['LegacyKeyValueFormat'],
  ],
];

for (const [name, text, setup, codes] of rows) {
  test(`buildFindings() ${name}`, () => {
    assert.deepEqual(
      findingsOf(text, setup).map(({ code }) => code),
      codes,
    );
  });
}

test('buildFindings() names the platforms of what does not hold for all', () => {
  const platforms = [plainOptions.platform, arm64, { os: 'linux', architecture: 'arm', variant: 'v7' }];
  const text = `FROM a AS tools-amd64
ENV x y
FROM a AS tools-arm64
ENV x=$Y
FROM a AS tools-arm
ENV x=$Y
FROM tools-$TARGETARCH AS Last
`;
  const found = findingsOf(text, { platforms, buildArgs: { NOBODY: '1' } });
  assert.deepEqual(
    found.map(({ code, message }) => `${code}: ${message}`),
    [
      'LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format (for linux/amd64)',
      "StageNameCasing: Stage name 'Last' should be lowercase",
      'UnconsumedBuildArg: The build argument "NOBODY" is not consumed: no ARG declares it',
      "UndefinedVar: Usage of undefined variable '$Y' (for linux/arm64)",
      "UndefinedVar: Usage of undefined variable '$Y' (for linux/arm/v7)",
    ],
  );
});

test('buildFindings() makes errors of all checks with error=true', () => {
  const text = '# check=error=true\nFROM a\nENV x y\n';
  const found = findingsOf(text, { imageArchitecture: 's390x', buildArgs: { NOBODY: '1' } });
  assert.deepEqual(
    found.map(({ code, severity }) => [code, severity]),
    [
      ['LegacyKeyValueFormat', 'error'],
      ['UnconsumedBuildArg', 'warning'],
      ['InvalidBaseImagePlatform', 'error'],
    ],
  );
});

test('buildFindings() refuses a BUILDKIT_DOCKERFILE_CHECK that it cannot read', () => {
  assert.throws(() => findingsOf('FROM a\n', { buildArgs: { BUILDKIT_DOCKERFILE_CHECK: 'loud' } }), {
    name: 'UsageError',
    message: /Cannot use --build-arg BUILDKIT_DOCKERFILE_CHECK=loud: "loud" is none of/,
  });
});
