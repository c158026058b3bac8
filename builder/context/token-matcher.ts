import type { Token } from './pattern.ts';

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
export function compileTokens(tokens: readonly Token[]): TokenMatcher {
  const automaton = new Automaton(tokens);
  const wildcards = tokens.filter((token) => token.kind === 'any' || token.kind === 'folders' || token.kind === 'rest').length;
  if (wildcards > 2) return automaton;
  const expression = new RegExp(`^${tokens.map(sourceOf).join('')}$`, 'su');
  return { matches: (text) => expression.test(text), canBegin: (prefix) => automaton.canBegin(prefix) };
}

function sourceOf(token: Token): string {
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

function classSource(token: Token & { readonly kind: 'class' }): string {
  const parts = token.ranges.filter(([low, high]) => low <= high).map(([low, high]) => `${codePoint(low)}-${codePoint(high)}`);
  if (parts.length === 0) return token.isNegated ? '[^]' : '[]';
  return `[${token.isNegated ? '^' : ''}${parts.join('')}]`;
}

function codePoint(value: number): string {
  return `\\u{${value.toString(16)}}`;
}

/** One state: what it takes to leave it, and where to. */
interface State {
  readonly takes: (character: number) => boolean;
  /** The state stays active on these characters. */
  readonly loops: (character: number) => boolean;
  /** States that are active as soon as this one is. */
  readonly skipsTo: readonly number[];
}

const slash = 0x2f;
const never = (): boolean => false;
const always = (): boolean => true;
const inComponent = (character: number): boolean => character !== slash;

class Automaton implements TokenMatcher {
  readonly #states: readonly State[];

  constructor(tokens: readonly Token[]) {
    const states: State[] = [];
    for (const token of tokens) addStates(states, token);
    this.#states = states;
  }

  matches(text: string): boolean {
    return this.#run(text)[this.#states.length] === 1;
  }

  canBegin(prefix: string): boolean {
    return this.#run(prefix).includes(1);
  }

  #run(text: string): Uint8Array {
    let active = new Uint8Array(this.#states.length + 1);
    this.#enter(active, 0);
    for (const character of text) {
      active = this.#step(active, character.codePointAt(0) ?? 0);
    }
    return active;
  }

  #step(active: Uint8Array, character: number): Uint8Array<ArrayBuffer> {
    const next = new Uint8Array(active.length);
    for (const [index, state] of this.#states.entries()) {
      if (active[index] !== 1) continue;
      if (state.loops(character)) this.#enter(next, index);
      if (state.takes(character)) this.#enter(next, index + 1);
    }
    return next;
  }

  #enter(active: Uint8Array, index: number): void {
    if (active[index] === 1) return;
    active[index] = 1;
    for (const target of this.#states[index]?.skipsTo ?? []) this.#enter(active, target);
  }
}

function addStates(states: State[], token: Token): void {
  const index = states.length;
  switch (token.kind) {
    case 'text':
      for (const character of token.text) {
        const code = character.codePointAt(0);
        states.push({ takes: (found) => found === code, loops: never, skipsTo: [] });
      }
      return;
    case 'one':
      states.push({ takes: inComponent, loops: never, skipsTo: [] });
      return;
    case 'any':
      states.push({ takes: never, loops: inComponent, skipsTo: [index + 1] });
      return;
    case 'class':
      states.push({ takes: (found) => isInClass(token, found), loops: never, skipsTo: [] });
      return;
    case 'folders':
      // The first state chooses between nothing and the second, which runs until some "/".
      states.push({ takes: never, loops: never, skipsTo: [index + 1, index + 2] });
      states.push({ takes: (found) => found === slash, loops: always, skipsTo: [] });
      return;
    case 'rest':
      states.push({ takes: never, loops: always, skipsTo: [index + 1] });
      return;
    default:
      unreachable(token);
  }
}

function isInClass(token: Token & { readonly kind: 'class' }, character: number): boolean {
  return token.ranges.some(([low, high]) => low <= character && character <= high) !== token.isNegated;
}

function unreachable(value: never): never {
  throw new Error(`Unexpected token ${JSON.stringify(value)}`);
}
