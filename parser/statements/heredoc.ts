import { isSpaceAt } from '../lines/blank.ts';
import type { LineReader } from '../lines/line-reader.ts';
import { type LogicalLine, type Range, spanOf } from '../lines/logical-line.ts';
import type { Diagnostic } from '../mistakes/errors.ts';
import type { Heredoc } from '../syntax/containerfile.ts';

/** The `<<NAME` of a here-document in an instruction's text. */
export interface HeredocMark {
  readonly range: Range;
  readonly name: string;
  readonly expands: boolean;
  readonly stripsTabs: boolean;
  readonly fileDescriptor: number | undefined;
}

/** A here-document together with its body exactly as it stands in the source. */
export interface LocatedHeredoc {
  readonly mark: HeredocMark;
  readonly heredoc: Heredoc;
  readonly raw: string;
}

/**
 * Finds the here-documents that a line opens: words that start with `<<`, after digits at most. Nothing is found in quotes, in
 * arithmetic (`$((1 << 2))`), in `<<<`, or when a quote is not closed.
 */
export function findHeredocs(text: string, range: Range): readonly HeredocMark[] {
  const first = text.indexOf('<<', range.from);
  if (first === -1 || first >= range.to) return noMarks;
  const marks: HeredocMark[] = [];
  const lastArithmeticEnd = text.lastIndexOf('))', range.to);
  for (let at = range.from; at < range.to; ) {
    if (isSpaceAt(text, at)) {
      at += 1;
      continue;
    }
    const opening = openingAt(text, at);
    const end = wordEnd(text, { from: opening?.delimiterFrom ?? at, to: range.to }, lastArithmeticEnd);
    if (end === undefined) return [];
    const mark = opening === undefined ? undefined : makeMark(text, { from: at, to: end }, opening);
    if (mark !== undefined) marks.push(mark);
    at = end;
  }
  return marks;
}

export const noMarks: readonly HeredocMark[] = [];

/** Reads the bodies that follow an instruction, in order. A body that does not end is reported and reaches to the end of the source. */
export function readHeredocs(
  reader: LineReader,
  line: LogicalLine,
  options: { marks: readonly HeredocMark[]; report: (diagnostic: Diagnostic) => void },
): readonly LocatedHeredoc[] {
  const documents: LocatedHeredoc[] = [];
  for (const mark of options.marks) {
    const span = spanOf(line, mark.range);
    const raw = readBody(reader, mark);
    if (raw === undefined) {
      const message = `Cannot find the end of the here-document: no line says "${mark.name}"`;
      const hint = mark.stripsTabs
        ? 'The closing line may be indented with tabs, and holds nothing else'
        : 'The closing line holds nothing else, no blanks either';
      options.report({ severity: 'error', code: 'unterminated-heredoc', message, span, hint });
      return documents;
    }
    const { name, expands, stripsTabs, fileDescriptor } = mark;
    const text = stripsTabs ? raw.replaceAll(/(^|\n)\t+/g, '$1') : raw;
    documents.push({ mark, raw, heredoc: { name, text, expands, stripsTabs, fileDescriptor, span } });
  }
  return documents;
}

interface Opening {
  readonly fileDescriptor: number | undefined;
  readonly stripsTabs: boolean;
  readonly delimiterFrom: number;
}

function openingAt(text: string, at: number): Opening | undefined {
  const pattern = /(\d*)<<(-?)/y;
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, digits = '', dash = ''] = match;
  let delimiterFrom = pattern.lastIndex;
  // `<< EOF` opens one too, `<<- EOF` does not.
  if (dash === '') {
    while (isSpaceAt(text, delimiterFrom)) delimiterFrom += 1;
  }
  const fileDescriptor = digits === '' || digits.length > 9 ? undefined : Number(digits);
  return { fileDescriptor, stripsTabs: dash === '-', delimiterFrom };
}

/** The end of a shell word, or undefined when a quote in it is not closed. */
function wordEnd(text: string, range: Range, lastArithmeticEnd: number): number | undefined {
  let at = range.from;
  while (at < range.to && !isSpaceAt(text, at)) {
    const character = text[at];
    if (character === '\\') {
      at += 2;
    } else if (character === "'" || character === '"') {
      const close = closingQuote(text, { from: at + 1, to: range.to }, character);
      if (close === undefined) return undefined;
      at = close + 1;
    } else if (character === '(' && text[at + 1] === '(' && at < lastArithmeticEnd) {
      at = text.indexOf('))', at) + 2;
    } else {
      at += 1;
    }
  }
  return Math.min(at, range.to);
}

function closingQuote(text: string, range: Range, quote: string): number | undefined {
  for (let at = range.from; at < range.to; at++) {
    if (text[at] === quote) return at;
    if (quote === '"' && text[at] === '\\') at += 1;
  }
  return undefined;
}

function makeMark(text: string, range: Range, opening: Opening): HeredocMark | undefined {
  const written = text.slice(opening.delimiterFrom, range.to);
  // `<<<word` is a here-string, and `a<<b<<c` is not ours either.
  if (written === '' || written.includes('<')) return undefined;
  const { name, isQuoted } = unquote(written);
  if (name === '') return undefined;
  return { range, name, expands: !isQuoted, stripsTabs: opening.stripsTabs, fileDescriptor: opening.fileDescriptor };
}

/** The delimiter itself. Any quote in it keeps the body from being expanded; an escape does not. */
function unquote(text: string): { name: string; isQuoted: boolean } {
  let name = '';
  let quote: string | undefined;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (character === quote) {
      quote = undefined;
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
      isQuoted = true;
    } else if (character === '\\' && quote !== "'") {
      at += 1;
      name += text[at] ?? '';
    } else {
      name += character;
    }
  }
  return { name, isQuoted };
}

function readBody(reader: LineReader, mark: HeredocMark): string | undefined {
  const lines: string[] = [];
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    const text = reader.textOf(line);
    if ((mark.stripsTabs ? text.replace(/^\t+/, '') : text) === mark.name) return lines.join('');
    lines.push(reader.rawTextOf(line));
  }
  return undefined;
}
