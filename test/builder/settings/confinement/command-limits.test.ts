import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildOptions } from '../../../../builder/contract/options.ts';
import { checkOptions } from '../../../../builder/settings/check-options.ts';
import { commandLimits } from '../../../../builder/settings/confinement/command-limits.ts';

const rows: readonly (readonly [options: Partial<BuildOptions>, expected: ReturnType<typeof commandLimits>])[] = [
  [{}, undefined],
  [{ limits: {}, cgroupParent: '' }, undefined],
  [{ limits: { cpus: 1.5 } }, { cpuQuotaMicroseconds: 150_000 }],
  [{ limits: { cpus: 0.001 } }, { cpuQuotaMicroseconds: 1000 }],
  [{ limits: { memoryBytes: 64, memorySwapBytes: -1 } }, { memoryBytes: 64, memorySwapBytes: -1 }],
  [
    { limits: { cpuQuotaMicroseconds: 5000, cpuPeriodMicroseconds: 10_000 } },
    { cpuQuotaMicroseconds: 5000, cpuPeriodMicroseconds: 10_000 },
  ],
  [{ cgroupParent: '/a' }, { parent: '/a' }],
];

for (const [options, expected] of rows) {
  test(`commandLimits() of ${JSON.stringify(options)}`, () => {
    checkOptions({ context: '.', ...options });
    assert.deepEqual(commandLimits({ context: '.', ...options }), expected);
  });
}

const refused: readonly (readonly [options: object, message: RegExp])[] = [
  [{ limits: { pids: 0 } }, /^Cannot use 0 as the option "limits\.pids": expected a whole number of at least 1$/],
  [{ limits: { cpus: 0 } }, /"limits\.cpus": expected a number above 0, found 0$/],
  [{ limits: { cpus: Number.POSITIVE_INFINITY } }, /expected a number above 0/],
  [{ limits: { memory: 5 } }, /^Cannot use the option "limits\.memory": no such option$/],
  [{ limits: { cpusetCpus: '0;1' } }, /: expected numbers such as 0-3,8$/],
  [{ cgroupParent: 'a/../../b' }, /^Cannot use --cgroup-parent a\/\.\.\/\.\.\/b: expected a path without "\.\."$/],
];

for (const [options, message] of refused) {
  test(`checkOptions() refuses ${JSON.stringify(options)}`, () => {
    assert.throws(() => checkOptions({ context: '.', ...options }), { name: 'UsageError', message });
  });
}

for (const [limits, message] of [
  [{ memorySwapBytes: 5 }, /Cannot use --memory-swap without --memory/],
  [{ memoryBytes: 5, memorySwapBytes: 4 }, /Cannot use a --memory-swap below --memory/],
  [{ cpus: 1, cpuQuotaMicroseconds: 1000 }, /Cannot use --cpus with --cpu-quota or --cpu-period/],
] as const) {
  test(`commandLimits() refuses ${JSON.stringify(limits)}`, () => {
    assert.throws(() => commandLimits({ context: '.', limits }), message);
  });
}
