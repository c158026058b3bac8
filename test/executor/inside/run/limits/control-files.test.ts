import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controlFiles } from '../../../../../executor/inside/run/limits/control-files.ts';
import type { CommandLimits } from '../../../../../executor/protocol/command-limits.ts';

const rows: readonly (readonly [limits: CommandLimits, files: readonly string[]])[] = [
  [{}, []],
  [{ pids: 50 }, ['pids.max=50']],
  [{ memoryBytes: 64 }, ['memory.max=64', 'memory.swap.max=64', 'memory.oom.group=1']],
  [{ memoryBytes: 64, memorySwapBytes: 64 }, ['memory.max=64', 'memory.swap.max=0', 'memory.oom.group=1']],
  [{ memoryBytes: 64, memorySwapBytes: -1 }, ['memory.max=64', 'memory.swap.max=max', 'memory.oom.group=1']],
  [{ cpuQuotaMicroseconds: 150_000 }, ['cpu.max=150000 100000']],
  [{ cpuQuotaMicroseconds: 5000, cpuPeriodMicroseconds: 10_000 }, ['cpu.max=5000 10000']],
  [{ cpuShares: 1024 }, ['cpu.weight=39']],
  [{ cpuShares: 2 }, ['cpu.weight=1']],
  [{ cpuShares: 999_999 }, ['cpu.weight=10000']],
  [{ cpusetCpus: '0-1', cpusetMems: '0' }, ['cpuset.cpus=0-1', 'cpuset.mems=0']],
];

for (const [limits, files] of rows) {
  test(`controlFiles() of ${JSON.stringify(limits)}`, () => {
    assert.deepEqual(
      controlFiles(limits).map(({ name, value }) => `${name}=${value}`),
      files,
    );
  });
}
