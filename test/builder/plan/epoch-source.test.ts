import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EpochSource, epochSourceOf, withoutNamedEpoch } from '../../../builder/plan/epoch-source.ts';
import { plan } from '../../../builder/plan/make-plan.ts';
import type { PlanOptions } from '../../../builder/plan/model/plan-options.ts';
import { ContainerfileError } from '../../../parser/mistakes/errors.ts';
import { image, parsed, plainOptions } from './plan-text.ts';

const src = 'FROM scratch AS src\nADD https://host/x /\n';
const digest = 'a'.repeat(64);

interface Row {
  readonly what: string;
  readonly text: string;
  readonly options?: Partial<PlanOptions>;
  readonly source: EpochSource | undefined;
}

const given = (value: string, more: Readonly<Record<string, string>> = {}): Partial<PlanOptions> => ({
  buildArgs: new Map(Object.entries({ SOURCE_DATE_EPOCH: value, ...more })),
});

const rows: readonly Row[] = [
  { what: 'nothing when nobody says', text: 'FROM b', source: undefined },
  { what: 'nothing for a number', text: 'ARG SOURCE_DATE_EPOCH=12\nFROM b', source: undefined },
  {
    what: 'nothing when an empty argument takes the name back',
    text: 'ARG SOURCE_DATE_EPOCH=context\nFROM b',
    options: given(''),
    source: undefined,
  },
  { what: 'the context', text: 'ARG SOURCE_DATE_EPOCH=context\nFROM b', source: { kind: 'context', name: undefined } },
  {
    what: 'the context before a stage of that name',
    text: 'FROM scratch AS context',
    options: given('context'),
    source: { kind: 'context', name: undefined },
  },
  {
    what: 'a named context before a stage of that name',
    text: `${src}FROM b`,
    options: { ...given('src'), contexts: new Map([['src', 'tree']]) },
    source: { kind: 'context', name: 'src' },
  },
  {
    what: 'the URL of a stage, with its arguments',
    text: `FROM scratch AS src\nARG V=1\nARG D=${digest}\nADD --checksum=sha256:$D https://host/x-$V.tgz /\nFROM b`,
    options: given('SRC', { V: '2' }),
    source: { kind: 'add', remote: 'http', url: 'https://host/x-2.tgz', checksum: `sha256:${digest}`, keepsGitDirectory: false },
  },
  {
    what: 'the repository of a stage',
    text: 'ARG SOURCE_DATE_EPOCH=src\nFROM scratch AS src\nADD --keep-git-dir https://host/x.git#v1 /\nFROM b',
    source: { kind: 'add', remote: 'git', url: 'https://host/x.git#v1', checksum: undefined, keepsGitDirectory: true },
  },
];

for (const { what, text, options, source } of rows) {
  test(`X19: epochSourceOf() finds ${what}`, () => {
    assert.deepEqual(epochSourceOf(parsed(text), { ...plainOptions, ...options }), source);
  });
}

const refusals: readonly (readonly [text: string, message: RegExp])[] = [
  ['FROM b', /^Cannot use "src" as SOURCE_DATE_EPOCH: it is neither a number of seconds since 1970 nor a context or stage$/],
  ['FROM b AS src\nADD https://host/x /', /source-only requirements: it must start FROM scratch$/],
  ['FROM scratch AS src\nADD https://host/x /\nRUN x', /source-only requirements: it holds RUN$/],
  ['FROM scratch AS src\nADD https://host/x /\nCOPY a /', /source-only requirements: it holds COPY$/],
  ['FROM scratch AS src\nARG x', /source-only requirements: it must ADD one URL or repository, and nothing else$/],
  ['FROM scratch AS src\nADD x /', /it must ADD one URL/],
  ['FROM scratch AS src\nADD <<E /x\nE', /it must ADD one URL/],
  ['FROM scratch AS src\nADD https://host/x https://host/y /', /it must ADD one URL/],
  ['FROM scratch AS src\nADD https://host/x /\nADD https://host/y /', /it must ADD one URL/],
  ['FROM scratch AS src\nADD ${X:?no} /', /source-only requirements: Cannot expand "X": no$/],
];

for (const [text, message] of refusals) {
  test(`X19: epochSourceOf() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => epochSourceOf(parsed(text), { ...plainOptions, ...given('src') }),
      (error) => error instanceof ContainerfileError && error.diagnostics[0]?.code === 'epoch' && message.test(error.message),
    );
  });
}

test('X20: plan() uses the time of what is named, also as an argument', () => {
  const file = parsed('ARG SOURCE_DATE_EPOCH=context\nFROM scratch\nARG SOURCE_DATE_EPOCH\nENV A=$SOURCE_DATE_EPOCH');
  const planned = (seconds: number | undefined) => plan(file, { ...plainOptions, namedEpoch: { seconds } }, new Map()).plan;
  assert.equal(planned(77).sourceDateEpoch, 77);
  assert.deepEqual(planned(77).stages[0]?.config.Env?.at(-1), 'A=77');
  assert.equal(planned(undefined).sourceDateEpoch, undefined);
  assert.deepEqual(planned(undefined).stages[0]?.config.Env?.at(-1), 'A=');
});

test('plan() sets no time when a build argument names what has none, whatever the file says', () => {
  const file = parsed('ARG SOURCE_DATE_EPOCH=7\nFROM scratch');
  const planned = (more: Partial<PlanOptions>) => plan(file, { ...plainOptions, ...more }, new Map()).plan.sourceDateEpoch;
  assert.equal(planned({}), 7);
  assert.equal(planned({ ...given('context'), namedEpoch: { seconds: undefined } }), undefined);
  assert.equal(planned({ ...given('context'), namedEpoch: { seconds: 9 } }), 9);
  assert.equal(planned(given('')), undefined);
});

test('withoutNamedEpoch() leaves numbers alone, and lets the rest be planned without a time', () => {
  assert.equal(withoutNamedEpoch(parsed('FROM b'), plainOptions), plainOptions);
  const file = parsed('ARG SOURCE_DATE_EPOCH=context\nFROM b');
  const options = withoutNamedEpoch(file, plainOptions);
  assert.equal(plan(file, options, new Map([['linux/amd64 b', image('b')]])).plan.sourceDateEpoch, undefined);
});
