import type { Range } from '../lines/logical-line.ts';
import type { Word } from '../syntax/containerfile.ts';
import type { Span } from '../syntax/span.ts';
import { checkWord } from '../words/expand.ts';
import type { WordError } from '../words/word-syntax.ts';
import { failAt, type StatementInput, spanIn, textOf } from './statement.ts';

/** A stretch of the statement as a word. Mistakes that no variable can cure are reported here, so that they show before anything runs. */
export function makeWord(reading: StatementInput, range: Range): Word {
  return makeWordFrom(reading, textOf(reading.statement, range), spanIn(reading.statement, range));
}

/** A word whose text is not what the source says there, for a value out of JSON or of a flag. */
export function makeWordFrom(reading: StatementInput, raw: string, span: Span): Word {
  const word: Word = { raw, span };
  const error = checkWord(raw, reading.statement.escape);
  if (error !== undefined) failAt(reading, error, spanInWord(word, error));
  return word;
}

/** Where a stretch of a word stands in the source: exactly if the word stands there as it is, else the whole word. */
export function spanInWord(word: Word, range: Pick<WordError, 'start' | 'end'>): Span {
  const { span, raw } = word;
  if (span.end - span.start !== raw.length || range.end <= range.start) return span;
  return { source: span.source, start: span.start + range.start, end: Math.min(span.start + range.end, span.end) };
}
