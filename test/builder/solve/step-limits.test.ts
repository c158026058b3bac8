import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepLimits, usualRuns } from '../../../builder/solve/step-limits.ts';

const gib = 2 ** 30;

const rows: readonly [processors: number, memoryBytes: number, runs: number][] = [
  [2, gib / 2, 2],
  [2, 2 * gib, 4],
  [2, 4 * gib, 8],
  [4, 16 * gib, 32],
  [8, 1024 * gib, 64],
  [96, 32 * gib, 96],
];

for (const [processors, memoryBytes, runs] of rows) {
  test(`usualRuns() is ${runs} with ${processors} processors and ${memoryBytes / gib} GiB`, () => {
    assert.equal(usualRuns({ processors, memoryBytes }), runs);
  });
}

test('stepLimits() counts RUN with the other steps where a number of jobs was chosen, and none for RUN', () => {
  const both = stepLimits({ jobs: 3 });
  assert.equal(both.of('run'), both.of('copy'));
  assert.equal(both.of('run').concurrency, 3);
  const apart = stepLimits({ jobs: 3, runJobs: 5 });
  assert.deepEqual([apart.of('run').concurrency, apart.of('copy').concurrency, apart.unpacks], [5, 3, 3]);
  assert.equal(stepLimits({ runJobs: 0 }).of('run').concurrency, Number.POSITIVE_INFINITY);
  const usual = stepLimits({});
  assert.notEqual(usual.of('run'), usual.of('add'));
  assert.ok(usual.of('run').concurrency >= usual.of('add').concurrency);
});
