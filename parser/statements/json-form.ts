import type { LogicalLine, Range } from '../lines/logical-line.ts';

/** A string of a JSON array: its value, and where it stands with its quotes. */
interface JsonString {
  readonly value: string;
  readonly range: Range;
}

/** What the arguments of an instruction are when they are read as JSON. */
export type JsonForm =
  /** Not JSON, or not an array: the arguments are words or a shell command. */
  | { readonly kind: 'none' }
  | { readonly kind: 'array'; readonly strings: readonly JsonString[] }
  /** A valid array that holds something else than strings, which is a mistake. */
  | { readonly kind: 'not-strings' };

/** BuildKit's rule: only what starts with `[` and is JSON from there to the end counts; anything else falls back silently. */
export function readJsonForm(line: LogicalLine, range: Range): JsonForm {
  const { text } = line;
  if (text[range.from] !== '[' || text[range.to - 1] !== ']') return none;
  const value = parseArray(text.slice(range.from, range.to));
  if (value === undefined) return none;
  const strings = value.filter((item) => typeof item === 'string');
  if (strings.length < value.length) {
    return { kind: 'not-strings' };
  }
  const ranges = stringRanges(text, range);
  return { kind: 'array', strings: strings.map((item, index) => ({ value: wellFormed(item), range: ranges[index] ?? range })) };
}

const none: JsonForm = { kind: 'none' };

function parseArray(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The string tokens of JSON that is known to be an array of strings. */
function stringRanges(text: string, range: Range): readonly Range[] {
  const ranges: Range[] = [];
  let open: number | undefined;
  for (let at = range.from; at < range.to; at++) {
    const character = text[at];
    if (character === '\\') {
      at += 1;
    } else if (character === '"' && open === undefined) {
      open = at;
    } else if (character === '"' && open !== undefined) {
      ranges.push({ from: open, to: at + 1 });
      open = undefined;
    }
  }
  return ranges;
}

/** Half surrogate pairs cannot be written as UTF-8; Go reads them as U+FFFD. */
function wellFormed(text: string): string {
  return halfPair.test(text) ? Buffer.from(text, 'utf8').toString('utf8') : text;
}

const halfPair = /[\ud800-\udfff]/u;
