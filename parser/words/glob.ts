/** A pattern of `${v#p}`, `${v%p}` and `${v/p/r}`: `*`, `?` (neither matches a newline) and characters. */
export type Glob = readonly GlobToken[];

type GlobToken =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'character'; readonly character: string };

/** Reads a pattern. `\` escapes `*`, `?`, `\`, `}` and `/`; before anything else it is a mistake, and the offending text is returned. */
export function parseGlob(text: string): { readonly glob: Glob } | { readonly badEscape: string } {
  const characters = Array.from(text);
  const glob: GlobToken[] = [];
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index] ?? '';
    if (character === '*') {
      glob.push({ kind: 'star' });
    } else if (character === '?') {
      glob.push({ kind: 'any' });
    } else if (character !== '\\') {
      glob.push({ kind: 'character', character });
    } else {
      index += 1;
      const escaped = characters[index];
      if (escaped === undefined || !'*?\\}/'.includes(escaped)) {
        return { badEscape: `\\${escaped ?? ''}` };
      }
      glob.push({ kind: 'character', character: escaped });
    }
  }
  return { glob };
}

/** Counts down while matching, so that no pattern can take for ever. */
export interface WorkBudget {
  left: number;
}

/** The value without the shortest or longest prefix that matches; undefined when the budget is used up. */
export function trimPrefix(value: string, glob: Glob, options: { isLongest: boolean; budget: WorkBudget }): string | undefined {
  const characters = charactersOf(value, options.budget);
  const end = matchEnd({ characters, from: 0, glob }, options);
  return options.budget.left < 0 ? undefined : characters.slice(end ?? 0).join('');
}

/** As trimPrefix, for suffixes. */
export function trimSuffix(value: string, glob: Glob, options: { isLongest: boolean; budget: WorkBudget }): string | undefined {
  // Backwards a suffix is a prefix.
  const characters = charactersOf(value, options.budget).toReversed();
  const end = matchEnd({ characters, from: 0, glob: glob.toReversed() }, options);
  return options.budget.left < 0
    ? undefined
    : characters
        .slice(end ?? 0)
        .toReversed()
        .join('');
}

/** Replaces the first match, or all of them, each as long as can be; undefined when the budget is used up. */
export function replaceMatches(
  value: string,
  glob: Glob,
  options: { isAll: boolean; replacement: string; budget: WorkBudget },
): string | undefined {
  const { isAll, replacement, budget } = options;
  const characters = charactersOf(value, budget);
  const out: string[] = [];
  let copied = 0;
  let lastEnd = -1;
  for (let from = 0; from <= characters.length && budget.left >= 0; ) {
    const end = matchEnd({ characters, from, glob }, { isLongest: true, budget });
    // An empty match right after a match is none.
    if (end === undefined || (end === from && end === lastEnd)) {
      from += 1;
      continue;
    }
    out.push(characters.slice(copied, from).join(''), replacement);
    copied = end;
    lastEnd = end;
    if (!isAll) break;
    from = end === from ? from + 1 : end;
  }
  out.push(characters.slice(copied).join(''));
  return budget.left < 0 ? undefined : out.join('');
}

/** Taking a value apart is work too. */
function charactersOf(value: string, budget: WorkBudget): readonly string[] {
  budget.left -= value.length;
  return Array.from(value);
}

interface MatchInput {
  readonly characters: readonly string[];
  readonly from: number;
  readonly glob: Glob;
}

/** Where a match that starts at `from` ends. Follows all ways of matching at once, so the time is bounded by length × pattern. */
function matchEnd(input: MatchInput, options: { isLongest: boolean; budget: WorkBudget }): number | undefined {
  const { characters, from, glob } = input;
  options.budget.left -= 1;
  let states = withStarsSkipped(new Set([0]), glob);
  let found = states.has(glob.length) ? from : undefined;
  for (let at = from; at < characters.length && states.size > 0; at++) {
    if (found !== undefined && !options.isLongest) return found;
    options.budget.left -= states.size;
    if (options.budget.left < 0) return undefined;
    states = step(states, glob, characters[at] ?? '');
    if (states.has(glob.length)) found = at + 1;
  }
  return found;
}

function step(states: ReadonlySet<number>, glob: Glob, character: string): Set<number> {
  const next = new Set<number>();
  for (const state of states) {
    const token = glob[state];
    if (token?.kind === 'star' && character !== '\n') {
      next.add(state);
    } else if (token?.kind === 'any' && character !== '\n') {
      next.add(state + 1);
    } else if (token?.kind === 'character' && token.character === character) {
      next.add(state + 1);
    }
  }
  return withStarsSkipped(next, glob);
}

/** A star may match nothing: whoever stands before it also stands behind it. */
function withStarsSkipped(states: Set<number>, glob: Glob): Set<number> {
  // The set grows while it is walked; what is added is visited too.
  for (const state of states) {
    if (glob[state]?.kind === 'star') states.add(state + 1);
  }
  return states;
}
