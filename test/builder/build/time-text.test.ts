import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { timeText } from '../../../builder/build/time-text.ts';

const first = Date.UTC(0, 0, 1) / 1000 - 1900 * 31_556_952;
const last = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;

test('timeText() says what the calendar of the language says', () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800, max: last }), (seconds) => {
      assert.equal(timeText(seconds), new Date(seconds * 1000).toISOString().replace('.000Z', 'Z'));
    }),
  );
});

for (const [seconds, text] of [
  [0, '1970-01-01T00:00:00Z'],
  [315_619_200, '1980-01-02T00:00:00Z'],
  [951_782_399, '2000-02-28T23:59:59Z'],
  [951_782_400, '2000-02-29T00:00:00Z'],
  [4_107_542_399, '2100-02-28T23:59:59Z'],
  [last, '9999-12-31T23:59:59Z'],
] as const) {
  test(`timeText(${seconds}) is ${text}`, () => assert.equal(timeText(seconds), text));
}

for (const seconds of [last + 1, Number.NaN, first * 4]) {
  test(`timeText(${seconds}) throws`, () => assert.throws(() => timeText(seconds), RangeError));
}
