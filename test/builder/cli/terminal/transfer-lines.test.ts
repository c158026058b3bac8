import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { TransferLines } from '../../../../builder/cli/terminal/transfer-lines.ts';

test('TransferLines tells of each thing once when it is done', () => {
  let text = '';
  const lines = new TransferLines(
    new Writable({
      write: (chunk, _encoding, done) => {
        text += String(chunk);
        done();
      },
    }),
  );
  for (const [what, done, total] of [
    ['a', 0, 10],
    ['a', 5, 10],
    ['b\u001B[31m', 7, 7],
    ['a', 10, 10],
    ['a', 10, 10],
  ] as const) {
    lines.onProgress(what, done, total);
  }
  assert.equal(text, 'b: 7B\na: 10B\n');
});
