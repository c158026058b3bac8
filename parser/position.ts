import type { Position, Source } from './span.ts';

/** The line and column of an offset; columns count characters (code points). An offset behind the end is the end. */
export function positionOf(source: Source, offset: number): Position {
  const { text } = source;
  const end = Math.max(0, Math.min(offset, text.length));
  let line = 1;
  let lineStart = 0;
  for (let newline = text.indexOf('\n'); newline !== -1 && newline < end; newline = text.indexOf('\n', newline + 1)) {
    line += 1;
    lineStart = newline + 1;
  }
  return { line, column: Array.from(text.slice(lineStart, end)).length + 1 };
}
