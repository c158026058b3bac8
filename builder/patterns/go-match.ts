import { pathOfText, type RawPath } from '../../registry/oci/raw-path.ts';
import { matchText } from './match-text.ts';
import { hasWildcards, parsePattern } from './pattern.ts';
import { compileTokens } from './token-matcher.ts';

/** One component of a COPY source. */
export interface NameMatcher {
  /** What every name that matches begins with. */
  readonly prefix: RawPath;
  matches(name: RawPath): boolean;
}

/**
 * Go's filepath.Match for one component of a COPY source. `**` is two stars, so it acts as one.
 *
 * @throws PatternError, also for mistakes in a part that matching would not reach
 */
export function goMatcher(pattern: string): NameMatcher {
  const tokens = parsePattern(pattern);
  const matcher = compileTokens(tokens);
  const [first] = tokens;
  const prefix = pathOfText(first?.kind === 'text' ? asciiStart(first.text) : '');
  return { prefix, matches: (name) => matcher.matches(matchText(name)) };
}

/** Beyond ASCII, bytes that are no UTF-8 match as U+FFFD does. */
function asciiStart(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*/.exec(text)?.[0] ?? '';
}

/**
 * Splits a cleaned source path at the first component with a wildcard: what comes before is a path to be followed, each component
 * from there on a pattern. `patterns` is empty for a plain path.
 */
export function splitWildcards(source: string): { readonly prefix: string; readonly patterns: readonly string[] } {
  const components = source.split('/').filter((component) => component !== '');
  const first = components.findIndex(hasWildcards);
  if (first === -1) return { prefix: components.join('/'), patterns: [] };
  return { prefix: components.slice(0, first).join('/'), patterns: components.slice(first) };
}
