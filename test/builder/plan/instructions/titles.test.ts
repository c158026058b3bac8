import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseTitle, stepTitle } from '../../../../builder/plan/instructions/titles.ts';
import { planText } from '../plan-text.ts';

function titlesOf(text: string): readonly string[] {
  const { plan } = planText(text);
  return plan.stages.flatMap((stage) =>
    [baseTitle(plan, stage) ?? [], ...stage.steps.map((step) => stepTitle(plan, stage, step))].flat(),
  );
}

test('stepTitle() counts the base image and the steps that make layers', () => {
  assert.deepEqual(
    titlesOf(
      'FROM b AS x\nRUN one\nENV a=1\nCOPY . /\nFROM x\nWORKDIR /\nWORKDIR /w\nFROM scratch AS z\nCOPY --from=x / /\nCOPY --from=1 / /',
    ),
    [
      '[x 1/3] FROM b',
      '[x 2/3] RUN one',
      'ENV a=1',
      '[x 3/3] COPY . /',
      'WORKDIR /',
      '[stage-1 1/1] WORKDIR /w',
      '[z 1/2] COPY --from=x / /',
      '[z 2/2] COPY --from=1 / /',
    ],
  );
});

test('stepTitle() leaves the stage out when there is only one, and aligns the numbers', () => {
  const titles = titlesOf(`FROM b AS x${'\nRUN x'.repeat(9)}`);
  assert.deepEqual([titles[0], titles[1], titles.at(-1)], ['[ 1/10] FROM b', '[ 2/10] RUN x', '[10/10] RUN x']);
});
