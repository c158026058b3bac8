import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rawJsonLine } from '../../../builder/progress/raw-json.ts';
import { summaryLine } from '../../../builder/progress/summary.ts';
import { bytes, duration } from '../../../builder/show/units.ts';
import { digestOf } from '../../../registry/oci/digest.ts';

const durations: readonly [ms: number, text: string][] = [
  [0, '0.0s'],
  [1249, '1.2s'],
  [99_940, '99.9s'],
  [99_960, '1m40s'],
  [3_599_999, '1h00m'],
  [7_500_000, '2h05m'],
];

for (const [ms, text] of durations) {
  test(`duration() of ${ms} ms is ${text}`, () => assert.equal(duration(ms), text));
}

const sizes: readonly [count: number, text: string][] = [
  [0, '0B'],
  [999, '999B'],
  [1000, '1.00kB'],
  [1_210_000, '1.21MB'],
  [999_600_000, '1.00GB'],
  [5e15, '5.00e+3TB'],
];

for (const [count, text] of sizes) {
  test(`bytes() of ${count} is ${text}`, () => assert.equal(bytes(count), text));
}

test('rawJsonLine() writes bytes as base64', () => {
  assert.equal(
    rawJsonLine({ kind: 'step-output', timeMs: 1, id: 2, stream: 'stdout', bytes: new Uint8Array([0xff, 0x0a]) }),
    '{"kind":"step-output","timeMs":1,"id":2,"stream":"stdout","bytes":"/wo="}\n',
  );
});

test('summaryLine() says what was made', () => {
  const descriptor = { mediaType: 'm', digest: digestOf('x'), size: 1 };
  assert.equal(
    summaryLine({ layout: 1, descriptor, imageId: digestOf('y'), names: ['a:1', 'b:2'], steps: { total: 3, cached: 1 } }, 1500),
    `Built ${digestOf('x')} as a:1, b:2 in 1.5s (3 steps, 1 cached)\n`,
  );
  assert.equal(
    summaryLine({ layout: 1, descriptor: undefined, imageId: undefined, names: [], steps: { total: 1, cached: 0 } }, 20),
    'Built in 0.0s (1 step, 0 cached)\n',
  );
});
