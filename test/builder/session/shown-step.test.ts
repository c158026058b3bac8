import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShownStep } from '../../../builder/session/shown-step.ts';
import type { UntimedEvent } from '../../../builder/session/tell.ts';

test('ShownStep tells with its end what its command took', () => {
  const told: UntimedEvent[] = [];
  const step = new ShownStep({ id: 1, title: 'RUN x', tell: (event) => told.push(event) });
  step.took({ processorMs: 5 });
  step.end('failed', 'why');
  assert.deepEqual(told.at(-1), { kind: 'step-ended', id: 1, state: 'failed', reason: 'why', usage: { processorMs: 5 } });
});

test('ShownStep tells its beginning once, and nothing of work that never began when another ended the build', () => {
  const told: UntimedEvent[] = [];
  const step = new ShownStep({ id: 1, title: 'RUN x', tell: (event) => told.push(event) });
  const ended = new AbortController();
  ended.abort();
  step.fail(new Error('x'), ended.signal);
  assert.deepEqual(told, []);
  step.start();
  step.end('done');
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['step-started', 'step-ended'],
  );
});
