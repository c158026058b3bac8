import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyBuffer, lastLine, takeLines } from '../../../builder/progress/output-lines.ts';

const longestLine = 16 * 1024;

for (const character of ['a', 'é', '€', '🦀']) {
  test(`takeLines() cuts a line that never ends between characters such as ${character}`, () => {
    for (let before = 0; before < 4; before += 1) {
      const text = 'x'.repeat(before) + character.repeat(longestLine + 1);
      const { buffer, lines } = takeLines(emptyBuffer, Buffer.from(text));
      assert.ok(lines.length > 0);
      assert.equal([...lines, ...lastLine(buffer)].join(''), text);
    }
  });
}
