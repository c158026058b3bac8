import { hidePasswords } from '../../registry/oci/text/private-url.ts';
import { positionOf } from '../syntax/position.ts';
import type { Source, Span } from '../syntax/span.ts';

/**
 * The lines of a span with carets below them, headed by ` --> file:line:column`. Tabs are widened, long lines are cut around the
 * carets, passwords of addresses are hidden, control characters are made visible, and of many lines only the first ones are shown. No newline at the end.
 */
export function codeFrame(source: Source, span: Span): string {
  const { line, column } = positionOf(source, span.start);
  const lines = linesOf(source.text, span);
  const shown = lines.slice(0, maximumLines);
  const gutter = String(line + shown.length - 1).length;
  const blank = ' '.repeat(gutter);
  const out = [`${blank}--> ${cleanName(source.name)}:${line}:${column}`, `${blank} |`];
  for (const [index, part] of shown.entries()) {
    const view = cut(part);
    out.push(`${String(line + index).padStart(gutter)} | ${view.text}`.trimEnd());
    if (view.to > view.from) {
      out.push(`${blank} | ${' '.repeat(view.from)}${'^'.repeat(view.to - view.from)}`);
    }
  }
  if (lines.length > maximumLines) {
    out.push(`${blank} | ... (${lines.length - maximumLines} more lines)`);
  }
  return out.join('\n');
}

const maximumLines = 4;
const maximumWidth = 120;
const tabWidth = 4;

/** One line and the part of it that the span covers, as offsets into `text`. */
interface MarkedLine {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

function linesOf(text: string, span: Span): readonly MarkedLine[] {
  const start = Math.max(0, Math.min(span.start, text.length));
  const end = Math.max(start, Math.min(span.end, text.length));
  const lines: MarkedLine[] = [];
  let lineStart = text.lastIndexOf('\n', start - 1) + 1;
  if (start === 0) lineStart = 0;
  for (;;) {
    const newline = text.indexOf('\n', lineStart);
    const lineEnd = newline === -1 ? text.length : newline;
    lines.push(markLine({ text, lineStart, lineEnd }, start, end));
    if (newline === -1 || newline + 1 >= end || lines.length > 10_000) return lines;
    lineStart = newline + 1;
  }
}

function markLine(line: { text: string; lineStart: number; lineEnd: number }, start: number, end: number): MarkedLine {
  const text = hidePasswords(withoutReturns(line.text.slice(line.lineStart, line.lineEnd)));
  const indent = text.length - text.trimStart().length;
  // On the lines after the first the caret starts at the text, not in the indentation.
  const from = start >= line.lineStart ? Math.min(start - line.lineStart, text.length) : indent;
  const to = Math.max(Math.min(end - line.lineStart, text.length), from + (start >= line.lineStart ? 1 : 0));
  return { text, from, to };
}

/** Written out: a pattern would take quadratic time for a line of carriage returns. */
function withoutReturns(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === '\r') end -= 1;
  return text.slice(0, end);
}

/** The line as it is printed; `from` and `to` count columns of the terminal. */
function cut(line: MarkedLine): MarkedLine {
  // Reading a little beyond the window is enough, however long the line is.
  const windowStart = Math.max(0, line.from - maximumWidth * 2);
  const windowEnd = Math.min(line.text.length, line.from + maximumWidth * 2);
  const cells = cellsOf(line.text.slice(windowStart, windowEnd), windowStart);
  const total = cells.reduce((sum, cell) => sum + cell.width, 0);
  const fits = total <= maximumWidth && windowStart === 0 && windowEnd === line.text.length;
  return fits ? render(cells, line) : renderAround(cells, line);
}

/** One printed character: where it stands in the line, what is printed and how wide that is. */
interface Cell {
  readonly offset: number;
  readonly text: string;
  readonly width: number;
}

function cellsOf(text: string, offset: number): readonly Cell[] {
  const cells: Cell[] = [];
  let at = offset;
  let column = 0;
  for (const character of text) {
    const printed = character === '\t' ? ' '.repeat(tabWidth - (column % tabWidth)) : printable(character);
    const width = character === '\t' ? printed.length : widthOf(printed);
    cells.push({ offset: at, text: printed, width });
    at += character.length;
    column += width;
  }
  return cells;
}

function render(cells: readonly Cell[], line: MarkedLine): MarkedLine {
  let text = '';
  let column = 0;
  let from: number | undefined;
  let to: number | undefined;
  for (const cell of cells) {
    if (cell.offset >= line.from && from === undefined) from = column;
    if (cell.offset >= line.to && to === undefined) to = column;
    text += cell.text;
    column += cell.width;
  }
  const start = from ?? column;
  return { text, from: start, to: Math.max(to ?? column, line.to > line.from ? start + 1 : start) };
}

function renderAround(cells: readonly Cell[], line: MarkedLine): MarkedLine {
  const marked = cells.findIndex((cell) => cell.offset >= line.from);
  const caret = marked === -1 ? cells.length : marked;
  const first = Math.max(0, caret - Math.floor(maximumWidth / 3));
  const kept: Cell[] = [];
  let width = 0;
  let index = first;
  for (let cell = cells[index]; cell !== undefined && width + cell.width <= maximumWidth; cell = cells[index]) {
    kept.push(cell);
    width += cell.width;
    index += 1;
  }
  const startsInside = first > 0 || (cells[0]?.offset ?? 0) > 0;
  const endsInside = index < cells.length || (kept.at(-1)?.offset ?? 0) + 2 < line.text.length;
  const view = render(kept, line);
  const lead = startsInside ? '...' : '';
  return { text: `${lead}${view.text}${endsInside ? '...' : ''}`, from: view.from + lead.length, to: view.to + lead.length };
}

function printable(character: string): string {
  return /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(character) ? '\u{fffd}' : character;
}

function cleanName(name: string): string {
  return hidePasswords(name).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}

/** Columns of a terminal that a character takes (UAX #11; the ranges of East Asian Wide and Fullwidth). */
function widthOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (/\p{M}/u.test(character)) return 0;
  return wideRanges.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}

const wideRanges: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];
