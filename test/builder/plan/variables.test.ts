import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { historyOf, lastRun, type PlanSetup, planText, refusal, runEnv, targetOf } from './plan-text.ts';

const args = (pairs: Readonly<Record<string, string>>): PlanSetup => ({ buildArgs: new Map(Object.entries(pairs)) });

interface EnvRow {
  readonly what: string;
  readonly text: string;
  readonly setup?: PlanSetup;
  readonly env: readonly string[];
}

const base: PlanSetup = { images: { b: { config: { Env: ['PATH=/bin', 'X=base'] } } } };

const envRows: readonly EnvRow[] = [
  { what: 'an ARG without a value is unset', text: 'FROM b\nARG X\nRUN x', env: [] },
  { what: 'an ARG with an empty default is set', text: 'FROM b\nARG X=\nRUN x', env: ['X='] },
  { what: 'a build argument without a value in the file', text: 'FROM b\nARG X\nRUN x', setup: args({ X: '1' }), env: ['X=1'] },
  { what: 'an empty build argument is set', text: 'FROM b\nARG X=d\nRUN x', setup: args({ X: '' }), env: ['X='] },
  { what: 'a build argument beats the default', text: 'FROM b\nARG X=d\nRUN x', setup: args({ X: 'g' }), env: ['X=g'] },
  {
    what: 'a build argument keeps the default from being evaluated',
    text: `FROM b\nARG X=\${Y:?no}\nRUN x`,
    setup: args({ X: 'g' }),
    env: ['X=g'],
  },
  { what: 'a build argument is not seen without ARG', text: 'FROM b\nRUN x', setup: args({ X: 'g' }), env: [] },
  { what: 'an ARG is not seen before its line', text: 'FROM b\nENV Y=$X\nARG X=1\nRUN x', env: ['Y=', 'X=1'] },
  { what: 'ARG is read from left to right', text: 'FROM b\nARG a=1 b=$a c=$b$b\nRUN x', env: ['a=1', 'b=1', 'c=11'] },
  { what: 'ENV sees what was before the instruction', text: 'FROM b\nENV a=0\nENV a=1 b=$a\nRUN x', env: ['a=1', 'b=0'] },
  { what: 'a later ENV beats an ARG', text: 'FROM b\nARG X=a\nENV X=e\nRUN x', setup: args({ X: 'g' }), env: ['X=e'] },
  { what: 'a later ARG beats an ENV', text: 'FROM b\nENV X=e\nARG X=a\nRUN x', env: ['X=a'] },
  { what: 'an ARG without a value leaves an ENV alone', text: 'FROM b\nENV X=e\nARG X\nRUN x', env: ['X=e'] },
  { what: "an ARG beats the base image's ENV", text: 'FROM b\nARG X=a\nRUN x', setup: base, env: ['X=a'] },
  { what: "the base image's ENV is there", text: 'FROM b\nRUN x', setup: base, env: ['X=base'] },
  { what: 'ENV is not a format string', text: 'FROM b\nENV myenv foo%sbar\nRUN x', env: ['myenv=foo%sbar'] },
  {
    what: 'the name of an ARG holds variables',
    text: 'FROM b\nENV n=X\nARG ${n}=1 ${n}Y=$X\nRUN x',
    env: ['n=X', 'X=1', 'XY=1'],
  },
  {
    what: 'a build argument is for the name that an ARG comes to',
    text: 'FROM b\nENV n=X\nARG $n=1\nRUN x',
    setup: args({ X: 'g' }),
    env: ['n=X', 'X=g'],
  },
  {
    what: 'the name of an ARG before the first FROM holds variables',
    text: 'ARG n=X\nARG $n=1\nFROM b\nARG X\nRUN x',
    env: ['X=1'],
  },
  { what: 'quotes and escapes in the name of an ARG go', text: 'FROM b\nARG "A"=1 B\\C=2\nRUN x', env: ['A=1', 'BC=2'] },
  { what: 'a legacy ENV expands', text: `FROM b\nARG my_arg\nENV k \${my_arg:-def} x\nRUN x`, env: ['k=def x'] },
  { what: 'a global ARG is not seen in a stage', text: 'ARG X=g\nFROM b\nRUN x', env: [] },
  { what: 'a global ARG is seen when it is declared again', text: 'ARG X=g\nFROM b\nARG X\nRUN x', env: ['X=g'] },
  { what: "a stage's default beats the global one", text: 'ARG X=g\nFROM b\nARG X=s\nRUN x', env: ['X=s'] },
  { what: 'a global ARG without a value is unset', text: 'ARG X\nFROM b\nARG X\nRUN x', env: [] },
  {
    what: 'a global ARG declared again with a build argument',
    text: 'ARG X=g\nFROM b\nARG X=s\nRUN x',
    setup: args({ X: 'a' }),
    env: ['X=a'],
  },
  {
    what: 'several are declared again at once',
    text: 'ARG a1="foo bar" a2=box\nFROM b\nARG a1 a2\nRUN x',
    env: ['a1=foo bar', 'a2=box'],
  },
  { what: "a child stage inherits its parent's ARGs", text: 'FROM b AS p\nARG X=1\nFROM p\nRUN x', env: ['X=1'] },
  { what: 'other stages do not see them', text: 'FROM b AS p\nARG X=1\nFROM b\nCOPY --from=p / /\nRUN x', env: [] },
  {
    what: "in a child stage the parent's ENV is back before its ARG",
    text: 'FROM b AS p\nENV X=e\nARG X=a\nFROM p\nRUN x',
    env: ['X=e'],
  },
  {
    what: 'platform arguments are seen only when declared',
    text: 'FROM b\nARG TARGETARCH\nRUN x',
    env: ['TARGETARCH=amd64'],
  },
  {
    what: 'all platform arguments have a value',
    text: 'FROM b\nARG BUILDPLATFORM BUILDOS BUILDARCH BUILDVARIANT TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT TARGETOSVERSION\nRUN x',
    setup: { platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
    env: [
      'BUILDPLATFORM=linux/amd64',
      'BUILDOS=linux',
      'BUILDARCH=amd64',
      'BUILDVARIANT=',
      'TARGETPLATFORM=linux/arm/v7',
      'TARGETOS=linux',
      'TARGETARCH=arm',
      'TARGETVARIANT=v7',
      'TARGETOSVERSION=',
    ],
  },
  {
    what: 'the version of the system is a platform argument',
    text: 'FROM b\nARG TARGETOSVERSION\nRUN x',
    setup: { platform: { os: 'linux', architecture: 'amd64', 'os.version': '6.1' } },
    env: ['TARGETOSVERSION=6.1'],
  },
  {
    what: 'a platform argument is overridden by a build argument',
    text: 'FROM b\nARG TARGETOS\nRUN x',
    setup: args({ TARGETOS: 'plan9' }),
    env: ['TARGETOS=plan9'],
  },
  { what: 'TARGETSTAGE is empty without declaration', text: 'FROM b AS last\nENV s=x$TARGETSTAGE\nRUN x', env: ['s=x'] },
  { what: 'TARGETSTAGE is the last stage', text: 'FROM b AS last\nARG TARGETSTAGE\nRUN x', env: ['TARGETSTAGE=last'] },
  { what: 'TARGETSTAGE is "default" without a name', text: 'FROM b\nARG TARGETSTAGE\nRUN x', env: ['TARGETSTAGE=default'] },
  {
    what: 'TARGETSTAGE is the target',
    text: 'FROM b AS one\nARG TARGETSTAGE\nRUN x\nFROM b AS two',
    setup: { target: 'one' },
    env: ['TARGETSTAGE=one'],
  },
  { what: 'proxies are not in the plan', text: 'FROM b\nRUN x', setup: args({ http_proxy: 'http://p' }), env: [] },
  {
    what: 'a declared proxy is',
    text: 'FROM b\nARG http_proxy\nRUN x',
    setup: args({ http_proxy: 'http://p' }),
    env: ['http_proxy=http://p'],
  },
  { what: 'what is meant for BuildKit stays out', text: 'FROM b\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nRUN x', env: [] },
];

for (const { what, text, setup, env } of envRows) {
  test(`plan() environment of RUN: ${what}`, () => assert.deepEqual(runEnv(text, setup), env));
}

test('plan() keeps the ENV in the configuration when an ARG beats it', () => {
  const stage = targetOf('FROM b\nENV X=e\nARG X=a\nRUN x');
  assert.deepEqual(stage.config.Env, ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'X=e']);
});

test('plan() replaces an ENV where it stands in the configuration', () => {
  const setup = { images: { b: { config: { Env: ['A=1', 'PATH=/bin', 'B=2'] } } } };
  assert.deepEqual(targetOf('FROM b\nENV A=9 C=3', setup).config.Env, ['A=9', 'PATH=/bin', 'B=2', 'C=3']);
});

const epochRows: readonly (EnvRow & { readonly epoch: number | undefined })[] = [
  { what: 'T0 when nobody says', text: 'FROM b\nRUN x', env: ['SOURCE_DATE_EPOCH=315619200'], epoch: undefined },
  {
    what: 'T0 when an ARG has no value',
    text: 'FROM b\nARG SOURCE_DATE_EPOCH\nRUN x',
    env: ['SOURCE_DATE_EPOCH=315619200'],
    epoch: undefined,
  },
  { what: 'what ENV says', text: 'FROM b\nENV SOURCE_DATE_EPOCH=5\nRUN x', env: ['SOURCE_DATE_EPOCH=5'], epoch: undefined },
  {
    what: 'T0 when the stage does not ask for the option',
    text: 'FROM b\nRUN x',
    setup: { sourceDateEpoch: 99 },
    env: ['SOURCE_DATE_EPOCH=315619200'],
    epoch: 99,
  },
  {
    what: 'the option when the stage asks',
    text: 'FROM b\nARG SOURCE_DATE_EPOCH\nRUN x',
    setup: { sourceDateEpoch: 99 },
    env: ['SOURCE_DATE_EPOCH=99'],
    epoch: 99,
  },
  {
    what: 'a build argument before the option',
    text: 'FROM b\nARG SOURCE_DATE_EPOCH\nRUN x',
    setup: { sourceDateEpoch: 99, ...args({ SOURCE_DATE_EPOCH: '7' }) },
    env: ['SOURCE_DATE_EPOCH=7'],
    epoch: 7,
  },
  {
    what: 'an empty build argument takes the option back',
    text: 'FROM b\nRUN x',
    setup: { sourceDateEpoch: 99, ...args({ SOURCE_DATE_EPOCH: '' }) },
    env: ['SOURCE_DATE_EPOCH=315619200'],
    epoch: undefined,
  },
  {
    what: 'a global default',
    text: 'ARG SOURCE_DATE_EPOCH=12\nFROM b\nARG SOURCE_DATE_EPOCH\nRUN x',
    env: ['SOURCE_DATE_EPOCH=12'],
    epoch: 12,
  },
];

for (const { what, text, setup, env, epoch } of epochRows) {
  test(`plan() time that RUN sees: ${what}`, () => {
    const seen = lastRun(text, setup).env.filter((entry) => entry.startsWith('SOURCE_DATE_EPOCH='));
    assert.deepEqual([seen, planText(text, setup).plan.sourceDateEpoch], [env, epoch]);
  });
}

test('plan() refuses a SOURCE_DATE_EPOCH that is no time', () => {
  for (const value of ['yesterday', '-1', '1.5', '253402300800']) {
    assert.match(refusal('FROM b', args({ SOURCE_DATE_EPOCH: value })).join(), /^epoch: Cannot use "/);
  }
});

const refusals: readonly { readonly text: string; readonly setup?: PlanSetup; readonly found: readonly string[] }[] = [
  { text: 'ARG FOO=${FOO:?"custom error"}\nFROM b', found: ['variable-required: Cannot expand "FOO": custom error'] },
  { text: 'ARG FOO=${FOO:?"custom error"}\nFROM b', setup: args({ FOO: '1' }), found: [] },
  { text: 'FROM b\nARG FOO=${FOO:?no}', found: ['variable-required: Cannot expand "FOO": no'] },
  { text: 'FROM b\nENV $UNSET=1', found: ['name: Cannot set "$UNSET": the name is empty'] },
];

for (const { text, setup, found } of refusals) {
  test(`plan() refuses in ${JSON.stringify(text)} ${found.length}`, () => assert.deepEqual(refusal(text, setup), found));
}

test('plan() reports the first error of every stage that is needed, and none of the others', () => {
  const text =
    'FROM b AS x\nENV a=${Q:?1}\nENV b=${Q:?2}\nFROM b AS y\nUSER ${Q:?3}\nFROM b AS z\nUSER ${Q:?4}\nFROM x\nCOPY --from=y / /';
  assert.deepEqual(refusal(text), ['variable-required: Cannot expand "Q": 1', 'variable-required: Cannot expand "Q": 3']);
});

test('plan() refuses an ARG whose name comes to nothing', () => {
  assert.deepEqual(refusal('FROM b\nARG ${n}=1'), ['name: Cannot declare the argument "${n}": its name is empty']);
  assert.deepEqual(refusal('ARG ${n}=1\nFROM b'), ['name: Cannot declare the argument "${n}": its name is empty']);
});

test('plan() warns of no build argument when the name of an ARG may be any', () => {
  assert.deepEqual(planText('FROM b\nENV n=X\nARG $n', args({ X: '1' })).diagnostics, []);
});

test('plan() warns of build arguments that no ARG declares', () => {
  const setup = args({ VERSON: '1', VERSION: '2', HTTPS_PROXY: 'p', TARGETARCH: 'x', SOURCE_DATE_EPOCH: '1', only: '1' });
  const { diagnostics } = planText('FROM b AS unused\nARG only\nFROM b\nARG VERSION', setup);
  assert.deepEqual(
    diagnostics.map(({ severity, code, message, hint }) => [severity, code, message, hint]),
    [
      [
        'warning',
        'UnconsumedBuildArg',
        'The build argument "VERSON" is not consumed: no ARG declares it',
        'Did you mean "VERSION"?',
      ],
    ],
  );
});

const controlArguments: readonly (readonly [given: Readonly<Record<string, string>>, warned: readonly string[]])[] = [
  [
    { BUILDKIT_SYNTAX: 'someone/other' },
    ['IdleBuildArg: The build argument "BUILDKIT_SYNTAX" has no effect: there are no other frontends'],
  ],
  [{ BUILDKIT_SYNTAX: 'dockerfile.v0' }, []],
  [{ BUILDKIT_SYNTAX: 'mirror.example/docker/dockerfile:1.7@sha256:00' }, []],
  [
    { BUILDKIT_INLINE_CACHE: '1', BUILDKIT_BUILD_NAME: 'x' },
    [
      'IdleBuildArg: The build argument "BUILDKIT_INLINE_CACHE" has no effect: images carry no cache records',
      'IdleBuildArg: The build argument "BUILDKIT_BUILD_NAME" has no effect: builds are not recorded by name',
    ],
  ],
  [{ BUILDKIT_INLINE_CACHE: '0', BUILDKIT_SBOM_SCAN_STAGE: 'false', BUILDKIT_SBOM_SCAN_CONTEXT: '' }, []],
  [
    { BUILDKIT_SBOM_SCAN_STAGE: 'true', BUILDKIT_ATTEST_SBOM: 'x' },
    [
      'IdleBuildArg: The build argument "BUILDKIT_SBOM_SCAN_STAGE" has no effect: no bill of materials is made',
      'IdleBuildArg: The build argument "BUILDKIT_ATTEST_SBOM" has no effect: attestations are not supported yet',
    ],
  ],
  [
    {
      BUILDKIT_CACHE_MOUNT_NS: 'x',
      BUILDKIT_CONTEXT_KEEP_GIT_DIR: '1',
      BUILDKIT_DOCKERFILE_CHECK: 'skip=all',
      BUILDKIT_MULTI_PLATFORM: '1',
      BUILDKIT_SANDBOX_HOSTNAME: 'x',
      SOURCE_DATE_EPOCH: '1',
    },
    [],
  ],
  [{ BUILDKIT_UNKNOWN: '1' }, ['UnconsumedBuildArg: The build argument "BUILDKIT_UNKNOWN" is not consumed: no ARG declares it']],
];

for (const [given, warned] of controlArguments) {
  test(`plan() warns of ${warned.length} of the control arguments ${JSON.stringify(given)}`, () => {
    const { diagnostics } = planText('FROM b\n', args(given));
    assert.deepEqual(
      diagnostics.map(({ code, message }) => `${code}: ${message}`),
      warned,
    );
  });
}

test('plan() writes arguments into the history of RUN: the last value at the first place, unset ones empty', () => {
  assert.deepEqual(historyOf('FROM b\nARG foo=bar\nARG bar=123 u\nARG foo=bar2\nRUN ls /'), [
    'ARG foo=bar',
    'ARG bar=123 u',
    'ARG foo=bar2',
    'RUN |3 foo=bar2 bar=123 u= /bin/sh -c ls / # buildkit',
  ]);
});

test('plan() writes the ENV that beat an argument into the history of RUN', () => {
  assert.equal(historyOf('FROM b\nARG X=a\nENV X=e\nRUN x').at(-1), 'RUN |1 X=e /bin/sh -c x # buildkit');
});

test('plan() writes the same arguments into the history of a RUN, whatever RUNs came before it', () => {
  const names = ['a', 'b', 'BUILDKIT_SBOM_SCAN_STAGE', 'HTTP_PROXY'];
  const settings = names.flatMap((name) => [`ARG ${name}`, `ARG ${name}=1`, `ARG ${name}=$a`, `ENV ${name}=e`]);
  const line = fc.oneof(fc.constantFrom(...settings), fc.constant('RUN x'));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.boolean(), (lines, isChild) => {
      const start = isChild ? 'FROM b AS p\nARG a=p q\nRUN x\nFROM p\n' : 'FROM b\n';
      const history = historyOf(`${start}${lines.join('\n')}\n`);
      for (const [at, text] of lines.entries()) {
        if (text !== 'RUN x') continue;
        const settingsBefore = lines.slice(0, at).filter((earlier) => earlier !== text);
        assert.equal(history[at], historyOf(`${start}${[...settingsBefore, text].join('\n')}\n`).at(-1));
      }
    }),
  );
});

const platforms: readonly (readonly [
  platform: readonly [os: string, architecture: string],
  text: string,
  warned: readonly string[],
])[] = [
  [['linux', 'amd65'], 'FROM b', ['No system and processor are known as "linux/amd65"; Did you mean "linux/amd64"?']],
  [['amd64', 'linux'], 'FROM b', ['No system and processor are known as "amd64/linux"; Did you mean "linux/amd64"?']],
  [['lunix', 'arm64'], 'FROM b', ['No system and processor are known as "lunix/arm64"; Did you mean "linux/arm64"?']],
  [['linux', 'quantum'], 'FROM b', ['No system and processor are known as "linux/quantum"; undefined']],
  [['linux', 'loong64'], 'FROM b', []],
  [['wasi', 'wasm32'], 'FROM b', []],
  [
    ['linux', 'amd64'],
    'FROM --platform=linux/arm46 b',
    ['No system and processor are known as "linux/arm46"; Did you mean "linux/arm64"?'],
  ],
];

for (const [[os, architecture], text, warned] of platforms) {
  test(`plan() warns of ${warned.length} unknown platforms: ${os}/${architecture}, ${text}`, () => {
    const { diagnostics } = planText(text, { platform: { os, architecture } });
    const found = diagnostics.filter(({ code }) => code === 'UnknownPlatform');
    assert.deepEqual(
      found.map(({ message, hint }) => `${message}; ${hint}`),
      warned,
    );
  });
}
