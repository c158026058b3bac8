import { unreachable } from '../../registry/oci/unreachable.ts';
import type { PatternToken } from './pattern.ts';

/** Tells which texts a pattern matches. */
export interface TokenMatcher {
  matches(text: string): boolean;
  /** True unless no text that begins with `prefix` can match. */
  canBegin(prefix: string): boolean;
}

/**
 * Compiles a pattern. A few wildcards make a regular expression. More of them, which a backtracking engine could take ages for, are
 * run as a set of states: the time is bounded by length times size whatever the pattern is.
 */
export function compileTokens(tokens: readonly PatternToken[]): TokenMatcher {
  const wildcards = tokens.filter((token) => token.kind === 'any' || token.kind === 'folders' || token.kind === 'rest').length;
  if (wildcards > 2) return new Automaton(tokens);
  const source = tokens.map(sourceOf).join('');
  if (source.length > longestExpression) return new Automaton(tokens);
  const expression = new RegExp(`^${source}$`, 'su');
  let automaton: Automaton | undefined;
  return {
    matches: (text) => expression.test(text),
    canBegin: (prefix) => {
      automaton ??= new Automaton(tokens);
      return automaton.canBegin(prefix);
    },
  };
}

/** Node refuses expressions above some size. */
const longestExpression = 4096;

function sourceOf(token: PatternToken): string {
  switch (token.kind) {
    case 'text':
      return token.text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    case 'one':
      return '[^/]';
    case 'any':
      return '[^/]*';
    case 'class':
      return classSource(token);
    case 'folders':
      return '(?:.*/)?';
    case 'rest':
      return '.*';
    default:
      return unreachable(token);
  }
}

function classSource(token: PatternToken & { readonly kind: 'class' }): string {
  const parts = token.ranges.filter(([low, high]) => low <= high).map(([low, high]) => `${codePoint(low)}-${codePoint(high)}`);
  if (parts.length === 0) return token.isNegated ? '[^]' : '[]';
  return `[${token.isNegated ? '^' : ''}${parts.join('')}]`;
}

function codePoint(value: number): string {
  return `\\u{${value.toString(16)}}`;
}

/** One state: what it takes to leave it for the next, and whether it may be skipped. Plain data, since a long pattern has many. */
type State =
  /** Left by one character. */
  | { readonly kind: 'character'; readonly code: number }
  | { readonly kind: 'one' }
  | { readonly kind: 'class'; readonly token: PatternToken & { readonly kind: 'class' } }
  /** Stays active until a `/`, and can be skipped. */
  | { readonly kind: 'any' }
  /** Skipped together with the next state, or left for it. */
  | { readonly kind: 'folders-or-none' }
  /** Stays active, and is left by each `/`. */
  | { readonly kind: 'folders' }
  /** Stays active, and can be skipped. */
  | { readonly kind: 'rest' };

const slash = 0x2f;

class Automaton implements TokenMatcher {
  readonly #states: readonly State[];

  constructor(tokens: readonly PatternToken[]) {
    const states: State[] = [];
    for (const token of tokens) addStates(states, token);
    this.#states = states;
  }

  matches(text: string): boolean {
    return this.#run(text).includes(this.#states.length);
  }

  canBegin(prefix: string): boolean {
    return this.#run(prefix).length > 0;
  }

  /** The states that are active behind the text. Only those are looked at, so literal text costs little however long a pattern is. */
  #run(text: string): readonly number[] {
    const since = new Int32Array(this.#states.length + 1).fill(-1);
    let active: number[] = [];
    this.#enter({ states: active, since, at: 0 }, 0);
    let at = 0;
    for (const character of text) {
      at += 1;
      active = this.#step(active, character.codePointAt(0) ?? 0, { states: [], since, at });
      if (active.length === 0) break;
    }
    return active;
  }

  #step(active: readonly number[], character: number, next: ActiveStates): number[] {
    for (const index of active) {
      const state = this.#states[index];
      if (state === undefined) continue;
      if (staysOn(state, character)) this.#enter(next, index);
      if (isLeftBy(state, character)) this.#enter(next, index + 1);
    }
    return next.states;
  }

  #enter(into: ActiveStates, index: number): void {
    const waiting = [index];
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
      if (into.since[one] === into.at) continue;
      into.since[one] = into.at;
      into.states.push(one);
      const kind = this.#states[one]?.kind;
      if (kind === 'any' || kind === 'rest' || kind === 'folders-or-none') waiting.push(one + 1);
      if (kind === 'folders-or-none') waiting.push(one + 2);
    }
  }
}

/** States behind a character, and behind which character each was entered last. */
interface ActiveStates {
  readonly states: number[];
  readonly since: Int32Array;
  readonly at: number;
}

function addStates(states: State[], token: PatternToken): void {
  switch (token.kind) {
    case 'text':
      for (const character of token.text) states.push({ kind: 'character', code: character.codePointAt(0) ?? 0 });
      return;
    case 'class':
      states.push({ kind: 'class', token });
      return;
    case 'folders':
      states.push({ kind: 'folders-or-none' }, { kind: 'folders' });
      return;
    case 'one':
    case 'any':
    case 'rest':
      states.push({ kind: token.kind });
      return;
    default:
      unreachable(token);
  }
}

function staysOn({ kind }: State, character: number): boolean {
  return kind === 'rest' || kind === 'folders' || (kind === 'any' && character !== slash);
}

function isLeftBy(state: State, character: number): boolean {
  switch (state.kind) {
    case 'character':
      return state.code === character;
    case 'one':
      return character !== slash;
    case 'class':
      return isInClass(state.token, character);
    case 'folders':
      return character === slash;
    case 'any':
    case 'folders-or-none':
    case 'rest':
      return false;
    default:
      return unreachable(state);
  }
}

function isInClass(token: PatternToken & { readonly kind: 'class' }, character: number): boolean {
  return token.ranges.some(([low, high]) => low <= character && character <= high) !== token.isNegated;
}
