import { posix } from 'node:path';
import type { RawPath } from '../../registry/oci/raw-path.ts';
import { pathOfText } from '../../registry/oci/raw-path.ts';
import { matchText } from './match-text.ts';
import { PatternError, parsePattern } from './pattern.ts';
import { compileTokens, type TokenMatcher } from './token-matcher.ts';

/** One pattern of an ignore file or of --exclude. */
interface Pattern {
  /** `!`: what matches is taken back in. */
  readonly isException: boolean;
  /** The one path that matches, when there is only one. */
  readonly plain: RawPath | undefined;
  matches(path: RawPath): boolean;
  /** False only when nothing below the folder can match. */
  canMatchBelow(folder: RawPath): boolean;
}

/** Which patterns matched a folder, ascending, for its children. Opaque to everyone else. */
export type MatchState = readonly number[];

/** What a list of patterns says of one path. */
export interface Match {
  readonly isMatched: boolean;
  readonly state: MatchState;
}

/**
 * Ordered patterns with exceptions: the last one that matches a path, or matched a folder above it, decides. This is BuildKit's walk
 * (moby/patternmatcher, MatchesUsingParentResults) including its shortcut: a pattern that could not have changed the verdict on a
 * folder is not remembered for the folder's children.
 */
export class PatternList {
  readonly #patterns: readonly Pattern[];
  /** Patterns that are plain paths, by the path: lists that programs write hold thousands of them. */
  readonly #plain = new Map<string, number[]>();
  /** The others, which must be tried. */
  readonly #wild: readonly number[];

  private constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
    const wild: number[] = [];
    for (const [index, { plain }] of patterns.entries()) {
      const same = plain === undefined ? wild : this.#plain.get(plain);
      if (same === undefined) this.#plain.set(plain ?? '', [index]);
      else same.push(index);
    }
    this.#wild = wild;
  }

  /** Compiles patterns. Blank ones are skipped. @throws PatternError for the first that is wrong; `parseOne` tells which */
  static of(patterns: readonly string[]): PatternList {
    return new PatternList(patterns.map(parseOne).filter((pattern) => pattern !== undefined));
  }

  get isEmpty(): boolean {
    return this.#patterns.length === 0;
  }

  /** The verdict on a path, given the state of its folder (undefined at the root). */
  match(path: RawPath, parent: MatchState | undefined): Match {
    const certain = ascending(parent ?? [], this.#plain.get(path) ?? []);
    const inherited = new Set(parent);
    const state: number[] = [];
    let isMatched = false;
    const take = (index: number): void => {
      const isException = this.#patterns[index]?.isException === true;
      if (isException !== isMatched && !inherited.has(index)) return;
      state.push(index);
      isMatched = !isException;
    };
    let next = 0;
    for (const index of this.#wild) {
      for (; next < certain.length && (certain[next] ?? 0) < index; next++) take(certain[next] ?? 0);
      const pattern = this.#patterns[index];
      // One that cannot change the verdict need not be tried.
      if (pattern === undefined || inherited.has(index) || pattern.isException !== isMatched) continue;
      if (pattern.matches(path)) take(index);
    }
    for (; next < certain.length; next++) take(certain[next] ?? 0);
    return { isMatched, state };
  }

  /**
   * True when nothing below a matched folder can be taken back in: only an exception after the last pattern that matched the folder
   * could do that.
   */
  isFinalFor(folder: RawPath, state: MatchState): boolean {
    const last = state.at(-1) ?? -1;
    return !this.#patterns.some((pattern, index) => index > last && pattern.isException && pattern.canMatchBelow(folder));
  }

  /** False only when nothing below a folder can match, so that the folder need not be looked into. */
  canMatchBelow(folder: RawPath): boolean {
    return this.#patterns.some((pattern) => !pattern.isException && pattern.canMatchBelow(folder));
  }

  /** The last pattern that matched, which decided; undefined when none did. */
  decidedBy(state: MatchState): number | undefined {
    return state.at(-1);
  }
}

/** Both lists as one, without repetitions. */
function ascending(one: readonly number[], other: readonly number[]): readonly number[] {
  if (other.length === 0) return one;
  return [...new Set([...one, ...other])].toSorted((a, b) => a - b);
}

/** Compiles one pattern; undefined for a blank one. @throws PatternError. (moby/patternmatcher, New and compile) */
export function parseOne(text: string): Pattern | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  const cleaned = cleanPattern(trimmed);
  const isException = cleaned.startsWith('!');
  const pattern = isException ? cleaned.slice(1) : cleaned;
  if (pattern === '') throw new PatternError('Cannot read pattern "!": nothing follows the exclamation mark');
  return { isException, ...matcherOf(pattern) };
}

/** Go's filepath.Clean. */
export function cleanPattern(pattern: string): string {
  const cleaned = posix.normalize(pattern);
  return cleaned.length > 1 && cleaned.endsWith('/') ? cleaned.slice(0, -1) : cleaned;
}

type Matcher = Omit<Pattern, 'isException'>;

/** Most patterns need no more than a comparison of strings. */
function matcherOf(pattern: string): Matcher {
  const tokens = parsePattern(pattern, { hasFolders: true });
  const isPlain = !/[*?[\]\\]/.test(pattern);
  if (isPlain) return exactly(pathOfText(pattern));
  const inner = pattern.replace(/^\*\*/, '').replace(/\*\*$/, '');
  if (!/[*?[\]\\]/.test(inner)) {
    if (pattern.startsWith('**') && (!pattern.endsWith('**') || inner === '')) return endingWith(pathOfText(inner));
    if (!pattern.startsWith('**')) return beginningWith(pathOfText(inner));
  }
  return byTokens(compileTokens(tokens));
}

function exactly(wanted: RawPath): Matcher {
  return { plain: wanted, matches: (path) => path === wanted, canMatchBelow: (folder) => wanted.startsWith(`${folder}/`) };
}

/** `dir/**` */
function beginningWith(start: RawPath): Matcher {
  return {
    plain: undefined,
    matches: (path) => path.startsWith(start),
    canMatchBelow: (folder) => start.startsWith(`${folder}/`) || `${folder}/`.startsWith(start),
  };
}

/** `**` alone, `**` before a name, and `**` before a slash and a name, which also matches the name alone. */
function endingWith(end: RawPath): Matcher {
  const alone = end.startsWith('/') ? end.slice(1) : undefined;
  return { plain: undefined, matches: (path) => path.endsWith(end) || path === alone, canMatchBelow: () => true };
}

function byTokens(matcher: TokenMatcher): Matcher {
  return {
    plain: undefined,
    matches: (path) => matcher.matches(matchText(path)),
    canMatchBelow: (folder) => matcher.canBegin(`${matchText(folder)}/`),
  };
}
