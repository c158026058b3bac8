import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandUsage } from '../../../../executor/inside/run/process/command-usage.ts';
import { describeForEachUser } from './each-user.ts';

const burn = 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done';
const large = 'dd if=/dev/zero of=/dev/null bs=200M count=1';

describeForEachUser('of a command is told, as', (player) => {
  for (const [name, shell] of [
    ['its own time on the processors', burn],
    ['that of a process that it waits for', `sh -c '${burn}'`],
    ['that of a command that fails', `${burn}; exit 3`],
  ] as const) {
    test(name, async () => {
      const { usage } = await player().play({ shell });
      assert.ok(usage !== undefined && usage.processorMs > 20, JSON.stringify(usage));
    });
  }

  for (const [name, shell] of [
    ['the memory of the largest process', `exec ${large}`],
    ['also of one that it has started', `${large}; true`],
  ] as const) {
    test(name, async () => {
      const { usage } = await player().play({ shell });
      assert.equal(usage?.memory?.of, 'largest-process');
      assert.ok(usage.memory.peakBytes > 200 * 2 ** 20 && usage.memory.peakBytes < 260 * 2 ** 20, JSON.stringify(usage));
    });
  }

  test('no memory where it had less than the worker, whose peak it begins with', async () => {
    const { usage } = await player().play({ shell: 'true' });
    assert.deepEqual(Object.keys(usage ?? {}), ['processorMs']);
  });

  test('nothing of one that never began', async () => {
    assert.equal((await player().play({ action: { argv: ['/none'] } })).usage, undefined);
  });
});

test('commandUsage() gives memory only where it is above what the process was cloned from', () => {
  const usage = { processorMicroseconds: 1_499_600, peakBytes: 5000 };
  assert.deepEqual(commandUsage(usage, 5000), { processorMs: 1500 });
  assert.deepEqual(commandUsage(usage, 4999), { processorMs: 1500, memory: { peakBytes: 5000, of: 'largest-process' } });
});
