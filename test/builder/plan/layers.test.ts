import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from './plan-text.ts';

const runs = (count: number): string => Array.from({ length: count }, (_, index) => `RUN ${index}\n`).join('');

const excess = (title: string, steps: number, below: number): readonly string[] => [
  `too-large: Cannot build stage "${title}": its steps make ${steps} layers on ${below} of its base, and 500 can be mounted`,
];

const rows: readonly [what: string, text: string, base: number, expected: readonly string[]][] = [
  ['as many as can be', `FROM scratch\n${runs(500)}`, 0, []],
  ['one more', `FROM scratch\n${runs(501)}`, 0, excess('stage-0', 501, 0)],
  ['what makes no layer does not count', `FROM scratch\n${runs(500)}ENV a=b\nLABEL a=b\nUSER me\nCMD x\n`, 0, []],
  ['WORKDIR makes one', `FROM scratch\n${'WORKDIR a\n'.repeat(501)}`, 0, excess('stage-0', 501, 0)],
  ['those of the base count', `FROM base\n${runs(11)}`, 490, excess('stage-0', 11, 490)],
  ['a base that has all of them', `FROM base\nENV a=b`, 500, []],
  [
    'those of stages below count',
    `FROM base AS a\n${runs(200)}FROM a AS b\n${runs(200)}FROM b\nCOPY f /\n`,
    100,
    excess('stage-2', 1, 500),
  ],
  ['stages beside each other do not', `FROM base AS a\n${runs(300)}FROM base\n${runs(300)}COPY --from=a / /\n`, 100, []],
  ['a stage that is not needed does not', `FROM base AS a\n${runs(600)}FROM base\nRUN x\n`, 100, []],
  ['stages above a refused one are not named', `FROM base AS a\n${runs(600)}FROM a\nRUN x\n`, 0, excess('a', 600, 0)],
];

for (const [what, text, base, expected] of rows) {
  test(`plan() counts the layers of a stage: ${what}`, () => assert.deepEqual(refusal(text, { layers: base }), expected));
}
