import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { plan } from '../../../builder/plan/make-plan.ts';
import { selectStages } from '../../../builder/plan/stages/select-stages.ts';
import { ContainerfileError } from '../../../parser/mistakes/errors.ts';
import { parse } from '../../../parser/parse.ts';
import { processorSeconds } from '../../support/processor-seconds.ts';
import { image, plainOptions, planText } from './plan-text.ts';

// How long it takes is the benchmark's to say; here, that it is not quadratic: that would take many times as long.
const mostSeconds = 30;

test('plan() takes 10,000 instructions', () => {
  const kinds = [
    'RUN make $V',
    'COPY a b$V /d/',
    'ENV V=$V',
    'LABEL l=$V',
    'ARG A=$V',
    'WORKDIR /w',
    'ONBUILD RUN x',
    'EXPOSE 80',
  ];
  const lines = Array.from({ length: 400 }, (_, index) => kinds[index % kinds.length]);
  const stages = Array.from(
    { length: 25 },
    (_, index) => `FROM b AS s${index + 1}\nCOPY --from=s${index} / /\n${lines.join('\n')}`,
  );
  const seconds = processorSeconds(() => {
    const planned = planText(`FROM b AS s0\n${stages.join('\n')}`).plan.stages;
    assert.deepEqual([planned.length, planned.at(-1)?.steps.length], [26, 401 - 50]);
  });
  assert.ok(seconds < mostSeconds, `${seconds} s`);
});

test('plan() of chains of thousands of stages does not overflow the stack', () => {
  const chain = Array.from(
    { length: 3_000 },
    (_, index) => `FROM s${index} AS s${index + 1}\nENV v${index % 50}=${index}\nLABEL x=y`,
  );
  const { plan: planned } = planText(`FROM b AS s0\n${chain.join('\n')}`);
  assert.deepEqual([planned.stages.length, planned.target], [3_001, 3_000]);
});

test('plan() of thousands of stages of one name and many sources does not take ever longer', () => {
  const stages = Array.from({ length: 3_000 }, () => 'FROM b AS x\nCOPY --from=x / /\nRUN --mount=from=x,target=/m y');
  const seconds = processorSeconds(() => {
    assert.equal(planText(`FROM b AS x\n${stages.join('\n')}`).plan.stages.length, 3_001);
  });
  assert.ok(seconds < mostSeconds, `${seconds} s`);
});

const word = fc.constantFrom(
  'a',
  '$A',
  '${A:-x}',
  '${B:?}',
  '"q"',
  '/',
  '.',
  '..',
  '',
  'x=y',
  '--from=s1',
  '80-90',
  'CMD',
  '["a"]',
  '<<E',
  'scratch',
  's1',
  'AS',
  's2',
);
const keyword = fc.constantFrom(
  ...'FROM RUN COPY ADD ENV ARG LABEL USER WORKDIR EXPOSE VOLUME CMD ENTRYPOINT SHELL STOPSIGNAL HEALTHCHECK ONBUILD MAINTAINER'.split(
    ' ',
  ),
);
const line = fc.tuple(keyword, fc.array(word, { minLength: 1, maxLength: 4 })).map(([first, rest]) => [first, ...rest].join(' '));

test('plan() of any file that parses gives a plan or a ContainerfileError, and the same one again', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const text = ['FROM scratch AS s1', ...lines].join('\n');
      assert.deepEqual(planOnce(text), planOnce(text));
    }),
    { numRuns: 500 },
  );
});

function planOnce(text: string): unknown {
  const { file } = parse([{ name: 'f', text }]);
  if (file === undefined) return undefined;
  try {
    const { images } = selectStages(file, plainOptions);
    const base = image('base', { config: { OnBuild: ['RUN x'], Env: ['A=1'] } });
    const resolved = new Map(images.map(({ key }) => [key, base]));
    return JSON.stringify(plan(file, plainOptions, resolved));
  } catch (error) {
    if (error instanceof ContainerfileError) return error.diagnostics;
    throw error;
  }
}
