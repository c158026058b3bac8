import type { Position, Source } from './span.ts';

/** The line and column of an offset; columns count characters (code points). An offset behind the end is the end. */
export function positionOf(source: Source, offset: number): Position {
  const { text } = source;
  const end = Math.max(0, Math.min(offset, text.length));
  const starts = lineStartsOf(source);
  const index = lastAtOrBefore(starts, end);
  return { line: index + 1, column: Array.from(text.slice(starts[index] ?? 0, end)).length + 1 };
}

/** Kept with the source: looking for the lines again for each of many findings would take as long as all of them times the text. */
const knownStarts = new WeakMap<Source, readonly number[]>();

function lineStartsOf(source: Source): readonly number[] {
  const known = knownStarts.get(source);
  if (known !== undefined) return known;
  const starts = [0];
  for (let newline = source.text.indexOf('\n'); newline !== -1; newline = source.text.indexOf('\n', newline + 1)) {
    starts.push(newline + 1);
  }
  knownStarts.set(source, starts);
  return starts;
}

/** Index of the last number that is not above the wanted one. The numbers ascend, and the first is 0. */
function lastAtOrBefore(numbers: readonly number[], wanted: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((numbers[middle] ?? 0) <= wanted) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}
