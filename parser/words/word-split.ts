import { findPlain, isBlankAt, isSpaceAt } from '../lines/blank.ts';
import type { Range } from '../lines/logical-line.ts';
import type { Escape } from '../syntax/containerfile.ts';

/** Splits at blanks of ASCII alone, as FROM, EXPOSE, COPY, ADD and VOLUME do. */
export function splitAtBlanks(text: string, range: Range): readonly Range[] {
  return splitInto(text, range, { isSeparator: isBlankAt, endOf: blankAfter });
}

/**
 * Splits at white space that is neither quoted nor escaped, as ENV, LABEL and ARG do. Quotes stay in the words. A quote that is not closed
 * reaches to the end, and the word's value will be refused.
 */
export function splitQuoted(text: string, range: Range, escape: Escape): readonly Range[] {
  return splitInto(text, range, { isSeparator: isSpaceAt, endOf: (_, rest) => wordEnd(text, rest, escape) });
}

interface WordRules {
  readonly isSeparator: (text: string, at: number) => boolean;
  readonly endOf: (text: string, rest: Range) => number;
}

function splitInto(text: string, range: Range, { isSeparator, endOf }: WordRules): readonly Range[] {
  const words: Range[] = [];
  let at = range.from;
  while (at < range.to) {
    if (isSeparator(text, at)) {
      at += 1;
      continue;
    }
    const from = at;
    at = endOf(text, { from, to: range.to });
    words.push({ from, to: at });
  }
  return words;
}

function blankAfter(text: string, { from, to }: Range): number {
  let at = from;
  while (at < to && !isBlankAt(text, at)) at += 1;
  return at;
}

function wordEnd(text: string, range: Range, escape: Escape): number {
  return findPlain(text, { ...range, escape }, (at) => isSpaceAt(text, at)) ?? range.to;
}
