import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cleanup } from '../../../builder/session/cleanup.ts';

test('Cleanup runs everything, last first, and throws the first failure', async () => {
  const order: number[] = [];
  const cleanup = new Cleanup();
  cleanup.defer(() => {
    order.push(1);
  });
  cleanup.defer(() => {
    order.push(2);
    throw new Error('two');
  });
  cleanup.defer(async () => {
    order.push(3);
    throw new Error('three');
  });
  await assert.rejects(cleanup[Symbol.asyncDispose](), /three/);
  assert.deepEqual(order, [3, 2, 1]);
});
