import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeFrame } from '../../../parser/mistakes/code-frame.ts';
import { positionOf } from '../../../parser/syntax/position.ts';

function frame(text: string, marked: string): string {
  const start = text.indexOf(marked);
  return codeFrame({ name: 'Containerfile', text }, { source: 0, start, end: start + marked.length });
}

test('codeFrame() marks the span below its line', () => {
  const text = `${'#\n'.repeat(6)}COPY --from=biuld /out/app /usr/bin/app\n`;
  assert.equal(
    frame(text, 'biuld'),
    [' --> Containerfile:7:13', '  |', '7 | COPY --from=biuld /out/app /usr/bin/app', '  |             ^^^^^'].join('\n'),
  );
});

test('codeFrame() marks all lines of a span up to four, without their indentation', () => {
  const text = 'FROM a\nRUN a \\\n    b \\\n  c \\\n d \\\n e\n';
  assert.equal(
    frame(text, text.slice(7).trimEnd()),
    [
      ' --> Containerfile:2:1',
      '  |',
      '2 | RUN a \\',
      '  | ^^^^^^^',
      '3 |     b \\',
      '  |     ^^^',
      '4 |   c \\',
      '  |   ^^^',
      '5 |  d \\',
      '  |  ^^^',
      '  | ... (1 more lines)',
    ].join('\n'),
  );
});

test('codeFrame() widens tabs and counts wide characters as two', () => {
  assert.equal(frame('\tENV\ta=$b', '$b').split('\n').at(-1), '  |           ^^');
  assert.equal(frame('LABEL 名前=$b', '$b').split('\n').at(-1), '  |            ^^');
  assert.equal(frame('LABEL 😀e\u0301=$b', '$b').split('\n').at(-1), '  |           ^^');
});

test('codeFrame() makes control characters visible and harmless', () => {
  const text = 'RUN \u001b[31m\u202ex';
  assert.equal(frame(text, 'x').split('\n')[2], '1 | RUN \u{fffd}[31m\u{fffd}x');
  const name = codeFrame({ name: 'a\nb\u001b', text }, { source: 0, start: 0, end: 1 }).split('\n')[0];
  assert.equal(name, ' --> a\u{fffd}b\u{fffd}:1:1');
});

test('codeFrame() cuts long lines around the mark', () => {
  const text = `RUN ${'x'.repeat(5000)} HERE ${'y'.repeat(5000)}`;
  const [, , line = '', carets = ''] = frame(text, 'HERE').split('\n');
  assert.ok(line.length <= 135, `${line.length}`);
  assert.ok(line.startsWith('1 | ...xxx') && line.endsWith('yyy...'));
  assert.equal(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1), 'HERE');
});

test('codeFrame() takes any span', () => {
  const text = 'FROM a\r\nRUN b\r\n';
  const source = { name: 'f', text };
  for (const [start, end] of [
    [0, 0],
    [6, 6],
    [7, 8],
    [text.length, text.length],
    [-5, 999],
    [999, 1000],
    [8, 3],
  ]) {
    assert.equal(typeof codeFrame(source, { source: 0, start: start ?? 0, end: end ?? 0 }), 'string');
  }
  assert.equal(codeFrame({ name: 'f', text: '' }, { source: 0, start: 0, end: 0 }).split('\n')[0], ' --> f:1:1');
});

test('codeFrame() of a megabyte of carriage returns does not take for ever', () => {
  const text = `RUN x${'\r'.repeat(1_000_000)}y\n`;
  assert.equal(frame(text, 'x').split('\n')[0], ' --> Containerfile:1:5');
});

test('positionOf() counts lines and characters from 1', () => {
  const source = { name: 'f', text: 'ab\n😀c\n' };
  const rows: readonly (readonly [number, number, number])[] = [
    [0, 1, 1],
    [2, 1, 3],
    [3, 2, 1],
    [5, 2, 2],
    [7, 3, 1],
    [99, 3, 1],
    [-1, 1, 1],
  ];
  for (const [offset, line, column] of rows) {
    assert.deepEqual(positionOf(source, offset), { line, column }, String(offset));
  }
});
