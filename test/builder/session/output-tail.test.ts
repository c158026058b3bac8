import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputTail } from '../../../builder/session/output-tail.ts';

test('OutputTail keeps the last bytes, whatever the chunks', () => {
  const tail = new OutputTail(4);
  for (const text of ['ab', 'c', 'defg', 'h']) tail.push(Buffer.from(text));
  assert.equal(Buffer.from(tail.bytes()).toString(), 'efgh');
});
