import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAge, parseUntil } from '../../../../builder/cli/flags/age.ts';

const ages: readonly [text: string, ms: number][] = [
  ['30d', 30 * 86_400_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1500],
  ['250ms', 250],
  ['2w', 14 * 86_400_000],
];

for (const [text, ms] of ages) test(`parseAge() reads ${text}`, () => assert.equal(parseAge('--x', text), ms));

test('parseAge() refuses what is no duration', () => {
  for (const text of ['', '3', 'h', '1y', '-1h', '1h 2m']) {
    assert.throws(() => parseAge('--x', text), { name: 'UsageError', message: /expected a duration/ });
  }
});

test('parseUntil() reads durations, dates and seconds', () => {
  const nowMs = Date.UTC(2020, 0, 2);
  assert.equal(parseUntil('--filter', '24h', nowMs), 86_400_000);
  assert.equal(parseUntil('--filter', '2020-01-01T00:00:00Z', nowMs), 86_400_000);
  assert.equal(parseUntil('--filter', String(Date.UTC(2020, 0, 1) / 1000), nowMs), 86_400_000);
  assert.throws(() => parseUntil('--filter', '2020-99-01', nowMs), { name: 'UsageError', message: /it is not a date/ });
});
