import { posix } from 'node:path';
import { goMatcher, splitWildcards } from './go-match.ts';
import { PatternError } from './pattern.ts';
import { parseOne } from './pattern-list.ts';

/** A source as a path below the tree's root: `..` stops at the root, slashes at either end mean nothing. '' is the root. */
export function cleanSource(source: string): string {
  const cleaned = posix.normalize(`/${source}`);
  return cleaned.replace(/^\/+/, '').replace(/\/$/, '');
}

/**
 * `--parents` keeps what follows the first `/./`, or all of the path. A `./` in front and a `/.` at the end are no pivots. Nothing after
 * the pivot means everything.
 */
export function splitPivot(path: string): { readonly base: string; readonly included: string } {
  const pivot = path.indexOf('/./');
  if (pivot === -1) return { base: '', included: cleanSource(path) };
  return { base: cleanSource(path.slice(0, pivot)), included: cleanSource(path.slice(pivot + '/./'.length)) };
}

/** What is wrong with the wildcards of a source, whatever files there are; undefined when nothing is. */
export function sourcePatternProblem(path: string, { keepsParents }: { readonly keepsParents: boolean }): string | undefined {
  const { base, included } = keepsParents ? splitPivot(path) : { base: cleanSource(path), included: '' };
  return problemOf(() => {
    for (const pattern of splitWildcards(base).patterns) goMatcher(pattern);
    parseOne(included);
  });
}

/** What is wrong with a pattern of `--exclude`. */
export function excludeProblem(pattern: string): string | undefined {
  return problemOf(() => parseOne(pattern));
}

function problemOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}

/** What helps with a pattern that is wrong. */
export const literalHint = 'Write a character that is meant literally in brackets: "[[]" for "["';
