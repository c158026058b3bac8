import type { Span } from '../syntax/span.ts';
import { isSpaceAt } from './blank.ts';

/** An instruction's text with its continuation lines joined, and where each piece of it came from. */
export interface LogicalLine {
  /** Index of the source. */
  readonly source: number;
  readonly text: string;
  /** Where the pieces of `text` start, in `text` and in the source. Never empty. */
  readonly pieces: readonly Piece[];
}

export interface Piece {
  readonly at: number;
  readonly start: number;
}

/** A stretch of a logical line's text. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The stretch of the source that a stretch of the joined text came from, comments and line breaks in between included. */
export function spanOf(line: LogicalLine, range: Range): Span {
  const start = sourceOffset(line, range.from);
  // The end belongs to the last character, which may be on an earlier line than what follows it.
  const end = range.to > range.from ? sourceOffset(line, range.to - 1) + 1 : start;
  return { source: line.source, start, end };
}

function sourceOffset(line: LogicalLine, at: number): number {
  const { pieces } = line;
  const [first] = pieces;
  const piece = pieces.length === 1 ? first : pieceAt(pieces, at);
  return piece === undefined ? at : piece.start + (at - piece.at);
}

function pieceAt(pieces: readonly Piece[], at: number): Piece | undefined {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pieces[middle]?.at ?? 0) <= at) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return pieces[low];
}

/** The range without the white space at both ends. */
export function trimRange(text: string, range: Range): Range {
  let { from, to } = range;
  while (from < to && isSpaceAt(text, from)) from += 1;
  while (to > from && isSpaceAt(text, to - 1)) to -= 1;
  return { from, to };
}
