import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bar, barName, bars, isMet, judge } from './bars.ts';
import { rowName } from './rounds.ts';
import { workloads } from './workloads.ts';

function measured(rows: Readonly<Record<string, Readonly<Record<string, number | string>>>>): ReturnType<typeof judge> {
  return judge(new Map(Object.entries(rows).map(([name, row]) => [name, new Map(Object.entries(row))])), '20.18.1');
}

test('each bar is about a row that is measured, and is named once', () => {
  const names = workloads.flatMap((workload) => workload.phases.map((phase) => rowName(workload, phase)));
  assert.deepEqual(
    bars.filter(({ row }) => !names.includes(row)),
    [],
  );
  const keys = bars.map(({ row, node }: Bar) => `${row} ${node ?? ''}`);
  assert.equal(new Set(keys).size, keys.length);
});

test('judge() divides the medians of the Node that a bar is about', () => {
  const verdicts = measured({ '20 RUN, no-op': { tsbuild: 200, 'tsbuild on 24': 90, BuildKit: 100 } });
  const found = verdicts.filter(({ ratio }) => ratio !== undefined);
  assert.deepEqual(
    found.map((verdict) => [barName(verdict), verdict.ratio, isMet(verdict)]),
    [
      ['20 RUN, no-op on Node 24', 0.9, true],
      ['20 RUN, no-op on Node 20', 2, true],
    ],
  );
});

test('judge() compares stages that wait with the wait and a cold start', () => {
  const verdicts = measured({ '6 stages of 1 s, cold': { tsbuild: 1600, BuildKit: 1500 }, '1 RUN, cold': { tsbuild: 300 } });
  const found = verdicts.filter(({ ratio }) => ratio !== undefined);
  assert.deepEqual(
    found.map((verdict) => [barName(verdict), verdict.ratio, isMet(verdict)]),
    [
      ['6 stages of 1 s, cold', 1600 / 1500, false],
      ['6 stages of 1 s, cold, beside one second + 1 RUN, cold', 1600 / 1300, false],
    ],
  );
});

test('judge() says nothing of what failed or was not measured', () => {
  const verdicts = measured({ '20 RUN, cold': { tsbuild: 200, BuildKit: 'it failed' } });
  assert.deepEqual(
    verdicts.filter((verdict) => verdict.ratio !== undefined || isMet(verdict) !== undefined),
    [],
  );
});

test('isMet() takes the ratio as it is printed', () => {
  const row = { row: 'a', otherName: 'b', tsbuild: 1, other: 1, most: 0.4 };
  assert.equal(isMet({ ...row, ratio: 0.4049 }), true);
  assert.equal(isMet({ ...row, ratio: 0.4051 }), false);
});
