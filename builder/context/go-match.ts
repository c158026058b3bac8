import type { RawPath } from '../../registry/oci/raw-path.ts';
import { matchText } from './match-text.ts';
import { hasWildcards, parsePattern } from './pattern.ts';
import { compileTokens } from './token-matcher.ts';

/** Tells whether a name matches. */
export type NameMatcher = (name: RawPath) => boolean;

/**
 * Go's filepath.Match for one component of a COPY source. `**` is two stars, so it acts as one. Throws a PatternError, also for
 * mistakes in a part that matching would not reach.
 */
export function goMatcher(pattern: string): NameMatcher {
  const matcher = compileTokens(parsePattern(pattern));
  return (name) => matcher.matches(matchText(name));
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
