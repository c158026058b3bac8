import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackgroundProgress } from '../../../builder/session/background-progress.ts';
import { ShownStep } from '../../../builder/session/shown-step.ts';
import type { UntimedEvent } from '../../../builder/session/tell.ts';

/** Progress, and what it has told: `step-progress a 1/2`. */
function listened(): { readonly progress: BackgroundProgress; readonly told: string[] } {
  const told: string[] = [];
  const tell = (event: UntimedEvent): void => {
    const how = event.kind === 'step-progress' ? ` ${event.what} ${event.doneBytes}/${event.totalBytes}` : '';
    told.push(`${event.kind}${how}`);
  };
  const shown = new ShownStep({ id: 1, title: 'exporting', tell });
  return { progress: new BackgroundProgress(() => shown), told };
}

test('BackgroundProgress says nothing of what is done within a moment', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { progress, told } = listened();
  progress.progress('a', 0, 2);
  t.mock.timers.tick(900);
  progress.progress('a', 2, 2);
  t.mock.timers.tick(9000);
  assert.deepEqual(told, []);
});

test('BackgroundProgress tells of what takes longer, and waits when that is done', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { progress, told } = listened();
  progress.progress('a', 0, 4);
  progress.progress('a', 1, 4);
  t.mock.timers.tick(1000);
  progress.progress('a', 3, 4);
  progress.progress('a', 4, 4);
  const expected = ['step-started', 'step-progress a 1/4', 'step-progress a 3/4', 'step-progress a 4/4', 'step-waiting'];
  assert.deepEqual(told, expected);
});

test('BackgroundProgress tells all when people wait, from what is under way on', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { progress, told } = listened();
  progress.progress('a', 1, 2);
  progress.bringForward();
  progress.progress('a', 2, 2);
  progress.progress('b', 0, 1);
  t.mock.timers.tick(9000);
  assert.deepEqual(told, ['step-started', 'step-progress a 1/2', 'step-progress a 2/2', 'step-progress b 0/1']);
});
