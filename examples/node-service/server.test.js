import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer } from './server.js';

test('answer() says what was asked for', () => {
  assert.equal(answer({ method: 'GET', url: '/x' }), 'GET /x\n');
});
