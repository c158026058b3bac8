import type { ContainerfileErrorCode } from '../mistakes/errors.ts';
import type { Escape } from '../syntax/containerfile.ts';

/** A mistake in a word; `start` and `end` are offsets into the word. */
export interface WordError {
  readonly code: ContainerfileErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly start: number;
  readonly end: number;
}

/** A piece of a word. Offsets are into the word as written. */
export type WordPart =
  /** Plain text: blanks in it separate words where words are split. */
  | { readonly kind: 'text'; readonly text: string }
  /** A character after the escape character; `raw` with it. */
  | { readonly kind: 'escaped'; readonly text: string; readonly raw: string }
  | { readonly kind: 'quoted'; readonly quote: '"' | "'"; readonly parts: readonly WordPart[] }
  | VariablePart;

/** `$name` or `${name...}`. */
export interface VariablePart {
  readonly kind: 'variable';
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly modifier: Modifier | undefined;
}

/** What follows the name in braces. `treatsEmptyAsUnset` is the colon. */
export type Modifier =
  | { readonly kind: '-' | '+' | '?'; readonly treatsEmptyAsUnset: boolean; readonly word: readonly WordPart[] }
  | { readonly kind: '#' | '%'; readonly isLongest: boolean; readonly pattern: readonly WordPart[] }
  | {
      readonly kind: '/';
      readonly isAll: boolean;
      readonly pattern: readonly WordPart[];
      readonly replacement: readonly WordPart[];
    };

/** The parts of a word, or the first mistake in it. */
export type WordSyntax = { readonly parts: readonly WordPart[] } | { readonly error: WordError };

export interface WordSyntaxOptions {
  readonly escape: Escape;
  /** False in here-documents, where quotes are text. */
  readonly hasQuotes: boolean;
}

/** Splits a word into its parts. Nesting is limited, so that it is safe on any input. */
export function parseWord(text: string, options: WordSyntaxOptions): WordSyntax {
  const reader: Reader = { text, at: 0, depth: 0, options };
  try {
    return { parts: readParts(reader, undefined, false) };
  } catch (error) {
    if (error instanceof WordSyntaxError) {
      return { error: error.wordError };
    }
    throw error;
  }
}

/** True when the word is its own value: no quotes, escapes or variables. */
export function isPlain(text: string, escape: Escape): boolean {
  return !/["'$]/.test(text) && !text.includes(escape);
}

const deepest = 100;

interface Reader {
  readonly text: string;
  readonly options: WordSyntaxOptions;
  at: number;
  depth: number;
}

/** Internal: leaves the recursion at the first mistake. */
class WordSyntaxError extends Error {
  readonly wordError: WordError;

  constructor(wordError: WordError) {
    super(wordError.message);
    this.wordError = wordError;
  }
}

/** Reads up to `stop` (or the end). In patterns and replacements escapes stay in the text, since they mean something there. */
function readParts(reader: Reader, stop: '}' | '/' | undefined, keepsEscapes: boolean): readonly WordPart[] {
  const parts: WordPart[] = [];
  const { text, options } = reader;
  let plainFrom = reader.at;
  const flush = (): void => {
    if (reader.at > plainFrom) {
      parts.push({ kind: 'text', text: text.slice(plainFrom, reader.at) });
    }
  };
  while (reader.at < text.length && text[reader.at] !== stop) {
    const character = text[reader.at];
    const isQuote = options.hasQuotes && (character === '"' || character === "'");
    if (character !== '$' && character !== options.escape && !isQuote) {
      reader.at += 1;
      continue;
    }
    flush();
    parts.push(...readSpecial(reader, keepsEscapes));
    plainFrom = reader.at;
  }
  flush();
  return parts;
}

function readSpecial(reader: Reader, keepsEscapes: boolean): readonly WordPart[] {
  const character = reader.text[reader.at];
  if (character === '$') return [readDollar(reader)];
  if (reader.options.hasQuotes && character === "'") return [readSingleQuoted(reader)];
  return reader.options.hasQuotes && character === '"'
    ? [readDoubleQuoted(reader, keepsEscapes)]
    : readEscape(reader, keepsEscapes);
}

function readEscape(reader: Reader, keepsEscapes: boolean): readonly WordPart[] {
  const { text, at } = reader;
  const character = characterAt(text, at + 1);
  reader.at = at + 1 + character.length;
  const raw = text.slice(at, reader.at);
  if (keepsEscapes) {
    return [{ kind: 'escaped', text: raw, raw }];
  }
  // An escape character at the very end escapes nothing and disappears.
  return character === '' ? [] : [{ kind: 'escaped', text: character, raw }];
}

function readSingleQuoted(reader: Reader): WordPart {
  const { text, at } = reader;
  const close = text.indexOf("'", at + 1);
  if (close === -1) throw unterminated(reader, at, "'");
  reader.at = close + 1;
  return { kind: 'quoted', quote: "'", parts: [{ kind: 'text', text: text.slice(at + 1, close) }] };
}

function readDoubleQuoted(reader: Reader, keepsEscapes: boolean): WordPart {
  const { text, options } = reader;
  const open = reader.at;
  const parts: WordPart[] = [];
  let plainFrom = open + 1;
  reader.at = plainFrom;
  for (;;) {
    const character = text[reader.at];
    if (character === undefined) throw unterminated(reader, open, '"');
    if (character !== '"' && character !== '$' && character !== options.escape) {
      reader.at += 1;
      continue;
    }
    if (reader.at > plainFrom) {
      parts.push({ kind: 'text', text: text.slice(plainFrom, reader.at) });
    }
    if (character === '"') {
      reader.at += 1;
      return { kind: 'quoted', quote: '"', parts };
    }
    parts.push(character === '$' ? readDollar(reader) : readQuotedEscape(reader, keepsEscapes));
    plainFrom = reader.at;
  }
}

/** In double quotes the escape character means something only before `"`, `$` and itself. */
function readQuotedEscape(reader: Reader, keepsEscapes: boolean): WordPart {
  const { text, at, options } = reader;
  const next = text[at + 1];
  const isEscape = next === '"' || next === '$' || next === options.escape;
  reader.at = at + (isEscape ? 2 : 1);
  const raw = text.slice(at, reader.at);
  return { kind: 'escaped', text: isEscape && !keepsEscapes ? (next ?? '') : raw, raw };
}

function readDollar(reader: Reader): WordPart {
  const { text, at } = reader;
  if (text[at + 1] !== '{') {
    const name = nameAt(text, at + 1);
    reader.at = at + 1 + name.length;
    return name === '' ? { kind: 'text', text: '$' } : { kind: 'variable', name, start: at, end: reader.at, modifier: undefined };
  }
  reader.depth += 1;
  if (reader.depth > deepest) {
    const message = `Cannot expand the word: variables are nested more than ${deepest} deep`;
    throw new WordSyntaxError({ code: 'too-deep', message, start: at, end: at + 2 });
  }
  const part = readBraces(reader);
  reader.depth -= 1;
  return part;
}

function readBraces(reader: Reader): WordPart {
  const { text, at: start } = reader;
  const name = nameAt(text, start + 2);
  reader.at = start + 2 + name.length;
  if (reader.at >= text.length) throw missingBrace(reader, start);
  if (name === '') {
    const end = Math.min(text.length, start + 3);
    const message = `Cannot expand "${text.slice(start, end)}": a variable name must follow the brace`;
    throw new WordSyntaxError({ code: 'variable-syntax', message, hint: escapeHint(reader), start, end });
  }
  const modifier = text[reader.at] === '}' ? undefined : readModifier(reader, start);
  if (text[reader.at] !== '}') throw missingBrace(reader, start);
  reader.at += 1;
  return { kind: 'variable', name, start, end: reader.at, modifier };
}

function readModifier(reader: Reader, start: number): Modifier {
  const { text } = reader;
  const treatsEmptyAsUnset = text[reader.at] === ':';
  const operator = text[reader.at + (treatsEmptyAsUnset ? 1 : 0)];
  if (operator === '-' || operator === '+' || operator === '?') {
    reader.at += treatsEmptyAsUnset ? 2 : 1;
    return { kind: operator, treatsEmptyAsUnset, word: readParts(reader, '}', false) };
  }
  if (!treatsEmptyAsUnset && (operator === '#' || operator === '%')) {
    const isLongest = text[reader.at + 1] === operator;
    reader.at += isLongest ? 2 : 1;
    return { kind: operator, isLongest, pattern: readParts(reader, '}', true) };
  }
  if (!treatsEmptyAsUnset && operator === '/') return readReplacement(reader, start);
  const written = text.slice(reader.at, reader.at + (treatsEmptyAsUnset ? 2 : 1));
  const message = `Cannot expand "${shorten(text.slice(start, reader.at + written.length))}": "${written}" is not supported here`;
  const hint = 'Supported are :- - :+ + :? ? # ## % %% / and //';
  throw new WordSyntaxError({ code: 'variable-syntax', message, hint, start, end: reader.at + written.length });
}

function readReplacement(reader: Reader, start: number): Modifier {
  const { text } = reader;
  const isAll = text[reader.at + 1] === '/';
  reader.at += isAll ? 2 : 1;
  const pattern = readParts(reader, '/', true);
  if (text[reader.at] !== '/') {
    const message = `Cannot expand "${shorten(text.slice(start))}": the "/" between pattern and replacement is missing`;
    throw new WordSyntaxError({ code: 'variable-syntax', message, start, end: text.length });
  }
  reader.at += 1;
  return { kind: '/', isAll, pattern, replacement: readParts(reader, '}', true) };
}

function nameAt(text: string, at: number): string {
  const first = text.charCodeAt(at);
  // The usual names, without a regular expression.
  if (!(first >= 0x30 && first <= 0x39) && !isNameCode(first) && first < 0x80) {
    return '@*#?-$!'.includes(text[at] ?? ' ') ? (text[at] ?? '') : '';
  }
  const pattern = first >= 0x30 && first <= 0x39 ? /\d+/y : /[\p{L}\p{Nd}_]*/uy;
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function isNameCode(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f;
}

function characterAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  return code === undefined ? '' : String.fromCodePoint(code);
}

function unterminated(reader: Reader, open: number, quote: string): WordSyntaxError {
  const name = quote === '"' ? 'double' : 'single';
  const message = `Cannot read "${shorten(reader.text.slice(open))}": the ${name} quote is not closed`;
  const hint = `Close it, or write ${reader.options.escape}${quote} for the character itself`;
  return new WordSyntaxError({ code: 'unterminated-quote', message, hint, start: open, end: open + 1 });
}

function missingBrace(reader: Reader, start: number): WordSyntaxError {
  const message = `Cannot expand "${shorten(reader.text.slice(start))}": the closing brace is missing`;
  return new WordSyntaxError({ code: 'variable-syntax', message, hint: escapeHint(reader), start, end: reader.text.length });
}

function escapeHint(reader: Reader): string {
  return `Write ${reader.options.escape}$ for a dollar sign`;
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 37)}...`;
}
