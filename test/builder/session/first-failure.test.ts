import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirstFailure } from '../../../builder/session/first-failure.ts';

test('FirstFailure keeps the first error only', () => {
  const failure = new FirstFailure(undefined);
  failure.fail(new Error('first'));
  failure.fail(new Error('second'));
  assert.match(String(failure.error), /first/);
  assert.ok(failure.signal.aborted);
});

test('FirstFailure does not take what follows from the caller giving up for a failure', () => {
  const caller = new AbortController();
  const failure = new FirstFailure(caller.signal);
  caller.abort(new Error('enough'));
  failure.fail(new Error('later'));
  assert.equal(failure.error, undefined);
  assert.match(String(failure.signal.reason), /enough/);
});
