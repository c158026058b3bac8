/**
 * Two sets of blanks, as BuildKit has them. Words, keywords and flags end at ASCII blanks alone (`[\t\v\f\r ]`). The ends of lines, comments
 * and arguments are trimmed, and the words of ENV, LABEL, ARG and here-documents split, at all that Unicode calls white space
 * (unicode.IsSpace of Go).
 */
export function isBlankAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/** True when any white space of Unicode stands there. False at the end of the text. */
export function isSpaceAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code <= 0x20 ? isBlankAt(text, at) : code > 0x7e && wideBlank.test(text[at] ?? '');
}

/** The text without the white space of Unicode at both ends. (strings.TrimSpace of Go: U+0085 counts, and U+FEFF does not.) */
export function trimSpace(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isSpaceAt(text, from)) from += 1;
  while (to > from && isSpaceAt(text, to - 1)) to -= 1;
  return text.slice(from, to);
}

/** The text at its white space, outer white space included: then the first or last piece is empty. */
export function splitAtSpaces(text: string): readonly string[] {
  return text.split(spaces);
}

/** A blank that is none of ASCII, and so separates words in few places; `at` is where it stands in the text. */
export interface WideBlank {
  readonly character: string;
  readonly at: number;
}

/** The first blank outside of quotes that is none of ASCII. */
export function findWideBlank(text: string, escape: string): WideBlank | undefined {
  if (!wideBlank.test(text)) return undefined;
  const at = findPlain(text, { from: 0, to: text.length, escape }, (place) => wideBlank.test(text[place] ?? ''));
  return at === undefined ? undefined : { character: text[at] ?? '', at };
}

/** The first place that is neither quoted nor escaped and that is wanted. */
export function findPlain(
  text: string,
  { from, to, escape }: { readonly from: number; readonly to: number; readonly escape: string },
  isWanted: (at: number) => boolean,
): number | undefined {
  let quote: string | undefined;
  for (let at = from; at < to; at += 1) {
    const character = text[at];
    if (character === escape && quote !== "'") {
      at += 1;
    } else if (character === quote) {
      quote = undefined;
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
    } else if (quote === undefined && isWanted(at)) {
      return at;
    }
  }
  return undefined;
}

/** `U+00A0 (no-break space)`. */
export function nameOfBlank(character: string): string {
  const code = character.charCodeAt(0);
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')} (${blankNames.get(code) ?? 'space'})`;
}

const wideBlank = /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const spaces = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

// The names of the Unicode character database.
const blankNames: ReadonlyMap<number, string> = new Map([
  [0x85, 'next line'],
  [0xa0, 'no-break space'],
  [0x1680, 'ogham space mark'],
  [0x2000, 'en quad'],
  [0x2001, 'em quad'],
  [0x2002, 'en space'],
  [0x2003, 'em space'],
  [0x2004, 'three-per-em space'],
  [0x2005, 'four-per-em space'],
  [0x2006, 'six-per-em space'],
  [0x2007, 'figure space'],
  [0x2008, 'punctuation space'],
  [0x2009, 'thin space'],
  [0x200a, 'hair space'],
  [0x2028, 'line separator'],
  [0x2029, 'paragraph separator'],
  [0x202f, 'narrow no-break space'],
  [0x205f, 'medium mathematical space'],
  [0x3000, 'ideographic space'],
]);
