import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goDuration } from '../../../../builder/plan/instructions/go-format.ts';
import { goQuote } from '../../../../parser/mistakes/go-quote.ts';

const quoted: readonly (readonly [string, string])[] = [
  ['plain text', '"plain text"'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ['\t\n\r\v\f\b\u0007', '"\\t\\n\\r\\v\\f\\b\\a"'],
  ['\u0000\u001b\u007f', '"\\x00\\x1b\\x7f"'],
  ['\u00a0\u200b\ufeff', '"\\u00a0\\u200b\\ufeff"'],
  ['ä€𝄞', '"ä€𝄞"'],
  ['\u{e0001}', '"\\U000e0001"'],
];

for (const [text, expected] of quoted) {
  test(`goQuote(${JSON.stringify(text)})`, () => assert.equal(goQuote(text), expected));
}

const durations: readonly (readonly [number, string])[] = [
  [0, '0s'],
  [1, '1ns'],
  [1_500, '1.5µs'],
  [2_000_000, '2ms'],
  [999_999_999, '999.999999ms'],
  [1_000_000_000, '1s'],
  [1_500_000_000, '1.5s'],
  [60_000_000_000, '1m0s'],
  [90_000_000_000, '1m30s'],
  [3_600_000_000_000, '1h0m0s'],
  [3_661_000_000_001, '1h1m1.000000001s'],
  [-90_000_000_000, '-1m30s'],
];

for (const [nanoseconds, expected] of durations) {
  test(`goDuration(${nanoseconds})`, () => assert.equal(goDuration(nanoseconds), expected));
}
