/** One piece of a pattern. */
export type PatternToken =
  | { readonly kind: 'text'; readonly text: string }
  /** `?`: one character but `/`. */
  | { readonly kind: 'one' }
  /** `*`: any characters but `/`. */
  | { readonly kind: 'any' }
  /** `[...]`: one character. As in Go, a negated class also takes `/`. */
  | { readonly kind: 'class'; readonly isNegated: boolean; readonly ranges: readonly (readonly [number, number])[] }
  /** `**` before something: nothing, or any characters up to and with a `/`. */
  | { readonly kind: 'folders' }
  /** `**` at the end: anything. */
  | { readonly kind: 'rest' };

/** A pattern that Go's filepath.Match refuses. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/**
 * Reads a pattern by the rules of Go's filepath.Match (`*`, `?`, `[a-z]`, `[^a-z]`, `\` before a character that is meant literally). With
 * `hasFolders` also `**` as in ignore files.
 *
 * @throws PatternError
 */
export function parsePattern(pattern: string, options: { readonly hasFolders?: boolean } = {}): readonly PatternToken[] {
  const reader = new PatternReader(pattern);
  const tokens: PatternToken[] = [];
  while (!reader.isAtEnd) {
    const character = reader.next();
    if (character === '*') tokens.push(readStars(reader, options.hasFolders === true));
    else if (character === '?') tokens.push({ kind: 'one' });
    else if (character === '[') tokens.push(readClass(reader));
    else tokens.push({ kind: 'text', text: character === '\\' ? reader.escaped() : character });
  }
  return joinTexts(tokens);
}

/** True when a pattern must be looked up in a folder instead of being a name. The character after a backslash does not count. */
export function hasWildcards(pattern: string): boolean {
  return /[*?[]/.test(pattern.replace(/\\[\s\S]?/g, ''));
}

/** Characters of a pattern, by code point, since that is what `?` and ranges count in. */
class PatternReader {
  readonly #characters: readonly string[];
  readonly #pattern: string;
  #position = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#characters = Array.from(pattern);
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#characters.length;
  }

  peek(): string | undefined {
    return this.#characters[this.#position];
  }

  next(): string {
    const character = this.peek();
    if (character === undefined) throw this.error('it ends too early');
    this.#position++;
    return character;
  }

  escaped(): string {
    if (this.isAtEnd) throw this.error('it ends with a backslash');
    return this.next();
  }

  error(reason: string): PatternError {
    return new PatternError(`Cannot read pattern "${this.#pattern}": ${reason}`);
  }
}

function readStars(reader: PatternReader, hasFolders: boolean): PatternToken {
  if (!hasFolders || reader.peek() !== '*') return { kind: 'any' };
  reader.next();
  if (reader.peek() === '/') reader.next();
  return reader.isAtEnd ? { kind: 'rest' } : { kind: 'folders' };
}

function readClass(reader: PatternReader): PatternToken {
  const isNegated = reader.peek() === '^';
  if (isNegated) reader.next();
  const ranges: (readonly [number, number])[] = [];
  while (reader.peek() !== ']' || ranges.length === 0) {
    const low = readRangeEnd(reader);
    if (reader.peek() === '-') {
      reader.next();
      ranges.push([low, readRangeEnd(reader)]);
    } else {
      ranges.push([low, low]);
    }
  }
  reader.next();
  return { kind: 'class', isNegated, ranges };
}

function readRangeEnd(reader: PatternReader): number {
  if (reader.isAtEnd) throw reader.error('a "[" has no "]"');
  const character = reader.next();
  if (character === '-' || character === ']') throw reader.error(`"${character}" must be written "\\${character}" in "[...]"`);
  const meant = character === '\\' ? reader.escaped() : character;
  if (reader.isAtEnd) throw reader.error('a "[" has no "]"');
  return meant.codePointAt(0) ?? 0;
}

function joinTexts(tokens: readonly PatternToken[]): readonly PatternToken[] {
  const joined: PatternToken[] = [];
  for (const token of tokens) {
    const last = joined.at(-1);
    if (token.kind === 'text' && last?.kind === 'text') {
      joined[joined.length - 1] = { kind: 'text', text: last.text + token.text };
    } else joined.push(token);
  }
  return joined;
}
