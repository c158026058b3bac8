import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlanOptions } from '../../../../builder/plan/model/plan-options.ts';
import { selectStages } from '../../../../builder/plan/stages/select-stages.ts';
import { ContainerfileError } from '../../../../parser/mistakes/errors.ts';
import { image, type PlanSetup, parsed, plainOptions, planText, refusal, targetOf } from '../plan-text.ts';

interface Row {
  readonly what: string;
  readonly text: string;
  readonly options?: Partial<PlanOptions>;
  readonly stages: readonly string[];
  readonly images: readonly string[];
  readonly contexts?: readonly string[];
}

const args = (pairs: Readonly<Record<string, string>>): Partial<PlanOptions> => ({ buildArgs: new Map(Object.entries(pairs)) });
const contexts = (kinds: Readonly<Record<string, 'image' | 'tree' | 'scratch'>>): Partial<PlanOptions> => ({
  contexts: new Map(Object.entries(kinds)),
});

const rows: readonly Row[] = [
  { what: 'the last stage is the target', text: 'FROM a AS x\nFROM b', stages: ['stage-1'], images: ['b'] },
  { what: '--target in any case', text: 'FROM a AS X\nFROM b', options: { target: 'x' }, stages: ['x'], images: ['a'] },
  {
    what: '--target finds the last of two',
    text: 'FROM a AS x\nFROM b AS x\nFROM c',
    options: { target: 'X' },
    stages: ['x'],
    images: ['b'],
  },
  { what: 'a parent', text: 'FROM a AS x\nFROM q AS no\nFROM x', stages: ['x', 'stage-2'], images: ['a'] },
  { what: 'the source of a COPY', text: 'FROM a AS x\nFROM b\nCOPY --from=x / /', stages: ['x', 'stage-1'], images: ['a', 'b'] },
  { what: 'a COPY from a number', text: 'FROM a\nFROM b\nCOPY --from=0 / /', stages: ['stage-0', 'stage-1'], images: ['a', 'b'] },
  {
    what: 'a COPY in another case',
    text: 'FROM a AS x\nFROM b\nCOPY --from=X / /',
    stages: ['x', 'stage-1'],
    images: ['a', 'b'],
  },
  { what: 'a COPY from an image', text: 'FROM b\nCOPY --from=alpine:3 / /', stages: ['stage-0'], images: ['b', 'alpine:3'] },
  {
    what: 'a mount from a stage and one from an image',
    text: 'FROM a AS x\nFROM b\nRUN --mount=from=x,target=/m --mount=type=cache,from=q,target=/c true',
    stages: ['x', 'stage-1'],
    images: ['a', 'b', 'q'],
  },
  {
    what: 'a mount from a number, which is an image',
    text: 'FROM a\nFROM b\nRUN --mount=from=0,target=/m true',
    stages: ['stage-1'],
    images: ['b', '0'],
  },
  {
    what: 'tmpfs does not mount from anywhere',
    text: 'FROM b\nRUN --mount=type=tmpfs,from=q,target=/m true',
    stages: ['stage-0'],
    images: ['b'],
  },
  { what: 'scratch', text: 'FROM scratch\nCOPY --from=scratch / /', stages: ['stage-0'], images: [] },
  {
    what: 'a stage in another case is found by FROM',
    text: 'FROM a AS Base\nFROM BASE',
    stages: ['base', 'stage-1'],
    images: ['a'],
  },
  { what: 'a stage masks an image', text: 'FROM a AS alpine\nFROM alpine', stages: ['alpine', 'stage-1'], images: ['a'] },
  { what: 'a stage masks scratch', text: 'FROM a AS scratch\nFROM scratch', stages: ['scratch', 'stage-1'], images: ['a'] },
  { what: 'a stage does not start from itself', text: 'FROM alpine AS alpine', stages: ['alpine'], images: ['alpine'] },
  {
    what: 'the nearest earlier stage of a name',
    text: 'FROM a AS x\nFROM b AS x\nFROM x\nCOPY --from=x / /\nFROM c AS x\nFROM d',
    options: { target: 'x' },
    stages: ['x'],
    images: ['c'],
  },
  { what: 'a default in FROM', text: 'ARG v=3\nFROM a:$v', stages: ['stage-0'], images: ['a:3'] },
  {
    what: 'a build argument in FROM',
    text: 'ARG v=3\nFROM a:$v',
    options: args({ v: '4' }),
    stages: ['stage-0'],
    images: ['a:4'],
  },
  { what: 'modifiers in FROM', text: 'ARG image=idlebusybox\nFROM ${image#idle}', stages: ['stage-0'], images: ['busybox'] },
  { what: 'quoted defaults', text: 'ARG a="1" b="$a" c=\'2\'\nFROM x:$b$c', stages: ['stage-0'], images: ['x:12'] },
  {
    what: 'a stage chosen by the platform',
    text: 'FROM a AS build-linux\nFROM b AS build-windows\nFROM build-${TARGETOS}',
    stages: ['build-linux', 'stage-2'],
    images: ['a'],
  },
  {
    what: 'a platform argument in FROM that a build argument overrides',
    text: 'FROM a AS build-linux\nFROM b AS build-windows\nFROM build-${TARGETOS}',
    options: args({ TARGETOS: 'windows' }),
    stages: ['build-windows', 'stage-2'],
    images: ['b'],
  },
  {
    what: '--from replaces the last FROM',
    text: 'FROM a AS x\nFROM x AS y',
    options: { from: 'q' },
    stages: ['y'],
    images: ['q'],
  },
  {
    what: 'a named context replaces an image',
    text: 'FROM docker.io/library/alpine:latest',
    options: contexts({ alpine: 'image' }),
    stages: ['stage-0'],
    images: ['docker.io/library/alpine:latest<alpine'],
  },
  {
    what: 'a context for another tag does not',
    text: 'FROM alpine:3',
    options: contexts({ alpine: 'image' }),
    stages: ['stage-0'],
    images: ['alpine:3'],
  },
  {
    what: 'a context for the platform comes first',
    text: 'FROM alpine',
    options: contexts({ alpine: 'tree', 'alpine::linux/amd64': 'image' }),
    stages: ['stage-0'],
    images: ['alpine<alpine::linux/amd64'],
  },
  {
    what: 'a named context replaces a stage, with all it needs',
    text: 'FROM a AS z\nFROM b AS x\nCOPY --from=z / /\nFROM x',
    options: contexts({ x: 'image' }),
    stages: ['stage-2'],
    images: ['x<x'],
  },
  {
    what: 'a named context replaces a stage that is named by number',
    text: 'FROM b AS x\nFROM c\nCOPY --from=0 / /',
    options: contexts({ X: 'tree' }),
    stages: ['stage-1'],
    images: ['c'],
    contexts: ['X'],
  },
  {
    what: 'a named context replaces the target',
    text: 'FROM a AS x\nRUN y',
    options: contexts({ x: 'tree' }),
    stages: ['x'],
    images: [],
    contexts: ['x'],
  },
  {
    what: 'a tree as source',
    text: 'FROM b\nCOPY --from=src / /',
    options: contexts({ src: 'tree' }),
    stages: ['stage-0'],
    images: ['b'],
    contexts: ['src'],
  },
  { what: 'scratch as a context', text: 'FROM b', options: contexts({ b: 'scratch' }), stages: ['stage-0'], images: [] },
  {
    what: 'scratch and context cannot be replaced',
    text: 'FROM scratch',
    options: contexts({ scratch: 'tree', context: 'tree' }),
    stages: ['stage-0'],
    images: [],
  },
  {
    what: 'FROM --platform',
    text: 'FROM --platform=$BUILDPLATFORM a',
    options: { platform: { os: 'linux', architecture: 'arm64' } },
    stages: ['stage-0'],
    images: ['a'],
  },
];

for (const { what, text, options, stages, images, contexts: trees = [] } of rows) {
  test(`selectStages() finds ${what}`, () => {
    const selection = selectStages(parsed(text), { ...plainOptions, ...options });
    assert.deepEqual(
      {
        stages: selection.stages.map(({ title }) => title),
        images: selection.images.map(({ name, context }) => (context === undefined ? name : `${name}<${context}`)),
        missing: selection.missing,
        contexts: selection.contexts,
      },
      { stages, images, missing: selection.images, contexts: trees },
    );
  });
}

test('selectStages() asks for each image and platform once, with the place that asks first', () => {
  const text =
    'FROM --platform=linux/arm64 a AS x\nFROM --platform=arm64 a AS y\nFROM a\nCOPY --from=x / /\nCOPY --from=y / /\nCOPY --from=a / /';
  const { images } = selectStages(parsed(text), plainOptions);
  assert.deepEqual(
    images.map(({ key, span }) => [key, span.start]),
    [
      ['linux/arm64 a', 28],
      ['linux/amd64 a', text.indexOf('FROM a\n') + 5],
    ],
  );
});

interface Refused {
  readonly text: string;
  readonly options?: PlanSetup;
  readonly found: readonly string[];
}

const refusals: readonly Refused[] = [
  {
    text: 'FROM a AS build\nFROM b',
    options: { target: 'bulid' },
    found: ['unknown-target: Cannot build "bulid": target stage "bulid" could not be found'],
  },
  {
    text: 'FROM a\nFROM b',
    options: { target: '0' },
    found: ['unknown-target: Cannot build "0": target stage "0" could not be found'],
  },
  {
    text: 'FROM a AS Build\nFROM b',
    options: { noCache: ['build', 'BUILD', 'stage-1'] },
    found: [],
  },
  {
    text: 'FROM a AS build\nFROM b',
    options: { noCache: ['build', 'bulid'] },
    found: ['unknown-stage: Cannot build without the cache of "bulid": no stage has that name'],
  },
  { text: 'FROM $X', found: ['name: Cannot start a stage from "$X": the base name should not be blank'] },
  { text: 'FROM $X AS no\nFROM b', found: ['name: Cannot start a stage from "$X": the base name should not be blank'] },
  {
    text: 'ARG TAG\nFROM h/a:$TAG',
    found: ['name: Cannot use "h/a:" as the base of a stage: the tag is empty, and the argument TAG has no value'],
  },
  {
    text: 'ARG D=d\nFROM h/a@$D$X',
    found: ['name: Cannot use "h/a@d" as the base of a stage: "d" is not a digest, and the argument X has no value'],
  },
  { text: 'FROM A', found: ['name: Cannot use "A" as the base of a stage: "A" has upper-case letters'] },
  { text: 'FROM A AS no\nFROM b', found: [] },
  { text: 'FROM --platform=$X b', found: ['platform: Cannot use the platform "$X": empty platform value from expression $X'] },
  { text: 'FROM --platform=a/b/c/d b', found: ['platform: Cannot use the platform "a/b/c/d": it is no system and architecture'] },
  {
    text: 'FROM a AS x\nCOPY --from=y / /\nFROM b AS y\nFROM x',
    found: ['later-stage: Cannot copy from stage "y": it needs to be defined before current stage "x"'],
  },
  {
    text: 'FROM a AS x\nCOPY --from=X / /',
    found: ['later-stage: Cannot copy from stage "X": it needs to be defined before current stage "x"'],
  },
  {
    text: 'FROM a\nCOPY --from=0 / /',
    found: ['later-stage: Cannot copy from stage "0": it needs to be defined before current stage "stage-0"'],
  },
  {
    text: 'FROM a\nCOPY --from=7 / /',
    found: ['unknown-stage: Cannot copy from stage "7": invalid stage index 7, the file has 1'],
  },
  {
    text: 'FROM a\nRUN --mount=from=y,target=/m x\nFROM b AS y\nFROM c AS z',
    options: { target: 'z' },
    found: [],
  },
  {
    text: 'FROM a AS x\nRUN --mount=from=y,target=/m x\nFROM b AS y\nFROM x',
    found: ['later-stage: Cannot mount from stage "y": it needs to be defined before current stage "x"'],
  },
  {
    text: 'FROM a\nCOPY --from=Bad! / /',
    found: [
      'unknown-stage: Cannot copy from "Bad!": no stage or named context has that name, and it is no image, since "Bad!" has upper-case letters',
    ],
  },
  {
    text: 'FROM a\nCOPY --from=$X / /',
    found: ['variable-not-supported: Cannot copy from "$X": "--from" cannot hold variables'],
  },
];

for (const { text, options, found } of refusals) {
  test(`selectStages() of ${JSON.stringify(text)} refuses ${found.length}`, () =>
    assert.deepEqual(refusal(text, options), found));
}

test('selectStages() says which stage may have been meant', () => {
  assert.equal(hintOf('FROM a AS build\nFROM b', { target: 'bulid' }), 'Did you mean "build"?');
  assert.equal(hintOf('FROM a AS build\nFROM b\nCOPY --from=biuld / /'), 'Did you mean "build"?');
  assert.equal(hintOf('FROM --platform=$BUILDPLATFROM b'), 'Did you mean "BUILDPLATFORM"?');
  assert.equal(hintOf('FROM $X'), 'FROM sees only ARGs before the first FROM: put ARG X=... there');
  const give = 'Give it a value: --build-arg T=VALUE, or ARG T=VALUE before the first FROM';
  for (const text of ['ARG T\nFROM a:$T', 'ARG T=\nFROM a:$T', 'ARG T\nFROM $T', 'ARG T=\nFROM --platform=$T a']) {
    assert.equal(hintOf(text), give, text);
  }
  assert.equal(hintOf('ARG TAGS=1\nFROM a:$TAG'), 'Did you mean "TAGS"?');
  assert.equal(hintOf('FROM docker://a:1'), 'Write FROM a:1');
  assert.equal(hintOf('FROM oci-archive:x.tar'), 'For an archive: --build-context base=oci-archive:x.tar, and FROM base');
  assert.equal(hintOf('FROM oci:dir'), 'For an image layout: --build-context base=oci-layout://dir, and FROM base');
  assert.equal(hintOf('FROM oci-layout://dir'), 'For an image layout: --build-context base=oci-layout://dir, and FROM base');
  assert.equal(hintOf('FROM dir:/x'), 'Images come from registries, the store, or --build-context');
  assert.equal(hintOf('FROM a', { target: 'x' }), 'No stage has a name: FROM image AS name');
});

test('selectStages() asks for what the triggers of a base image need, once that is known', () => {
  const file = parsed('FROM lib AS tools\nFROM base');
  const first = selectStages(file, plainOptions);
  assert.deepEqual(
    first.missing.map(({ name }) => name),
    ['base'],
  );
  const base = image('base', { config: { OnBuild: ['COPY --from=tools /t /t', 'COPY --from=other /o /o'] } });
  const second = selectStages(file, plainOptions, new Map([['linux/amd64 base', base]]));
  assert.deepEqual(
    [second.stages.map(({ title }) => title), second.missing.map(({ name }) => name)],
    [
      ['tools', 'stage-1'],
      ['lib', 'other'],
    ],
  );
});

test('plan() gives stages the positions of those that are needed', () => {
  const { plan } = planText('FROM q AS no\nFROM a AS x\nFROM b AS y\nFROM x\nCOPY --from=y /s /d');
  assert.deepEqual(
    plan.stages.map(({ index, title, base }) => [index, title, base.kind === 'stage' ? base.stage : base.kind]),
    [
      [0, 'x', 'image'],
      [1, 'y', 'image'],
      [2, 'stage-3', 0],
    ],
  );
  const action = plan.stages[2]?.steps[0]?.action;
  assert.deepEqual(action?.kind === 'copy' && action.from, { kind: 'stage', stage: 1 });
});

test('plan() starts a stage from a tree of files by copying them', () => {
  const stage = targetOf('FROM src\nRUN x', contexts({ src: 'tree' }));
  assert.equal(stage.base.kind, 'scratch');
  assert.deepEqual(stage.steps[0], {
    title: 'FROM src',
    span: { source: 0, start: 0, end: 8 },
    history: { created_by: 'COPY / / # buildkit', comment: 'buildkit.dockerfile.v0' },
    action: {
      kind: 'copy',
      from: { kind: 'context', name: 'src' },
      sources: [{ kind: 'path', path: '/', span: { source: 0, start: 0, end: 8 } }],
      destination: '/',
      owner: undefined,
      mode: undefined,
      isLink: false,
      excludes: [],
      keepsParents: false,
    },
  });
});

test('plan() names the stages that ignore the cache', () => {
  const text = 'FROM a AS x\nFROM x AS y\nFROM y';
  const ignoring = (noCache: PlanOptions['noCache']): readonly boolean[] =>
    planText(text, { noCache }).plan.stages.map(({ isCacheIgnored }) => isCacheIgnored);
  assert.deepEqual(
    [ignoring(false), ignoring(true), ignoring(['Y'])],
    [
      [false, false, false],
      [true, true, true],
      [false, true, false],
    ],
  );
});

test('plan() keeps the platform of the first image of a chain, and warns when it is another one', () => {
  const setup = { images: { a: { architecture: 's390x' } } };
  const { plan, diagnostics } = planText('FROM --platform=linux/arm64 a AS x\nFROM x', setup);
  assert.deepEqual(
    plan.stages.map(({ platform }) => platform.architecture),
    ['arm64', 'arm64'],
  );
  assert.deepEqual(diagnostics, [
    {
      severity: 'warning',
      code: 'InvalidBaseImagePlatform',
      message: 'Base image a was pulled with platform "linux/s390x", expected "linux/arm64" for current build',
      span: { source: 0, start: 0, end: 34 },
    },
  ]);
});

function hintOf(text: string, options: Partial<PlanOptions> = {}): string | undefined {
  try {
    const { images } = selectStages(parsed(text), { ...plainOptions, ...options });
    return images.at(-1)?.hint;
  } catch (error) {
    assert.ok(error instanceof ContainerfileError);
    return error.diagnostics[0]?.hint;
  }
}
