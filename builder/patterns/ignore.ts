import type { Diagnostic } from '../../parser/mistakes/errors.ts';
import type { Source } from '../../parser/syntax/span.ts';
import { type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { PatternError } from './pattern.ts';
import { cleanPattern, type MatchState, PatternList, parseOne } from './pattern-list.ts';

/** One line of an ignore file. */
interface Rule {
  /** As written, without blanks around it. */
  readonly text: string;
  /** Counts from 1. */
  readonly line: number;
  readonly pattern: string;
}

/** The state of a folder, for the verdicts on its children. */
export interface IgnoreState {
  readonly matched: MatchState;
}

/** What the rules say of one path. */
export interface IgnoreVerdict {
  readonly isIgnored: boolean;
  /** For a folder that is ignored: nothing below can be taken back in, so it need not be read. */
  readonly isFinal: boolean;
  readonly state: IgnoreState;
}

/** The rules of an ignore file, such as .dockerignore. */
export class IgnoreRules {
  /** The file's name, for messages; undefined when there is none. */
  readonly name: string | undefined;
  readonly #rules: readonly Rule[];
  readonly #patterns: PatternList;

  constructor(name: string | undefined, rules: readonly Rule[]) {
    this.name = name;
    this.#rules = rules;
    this.#patterns = PatternList.of(rules.map((rule) => rule.pattern));
  }

  /** Rules that ignore nothing. */
  static readonly none: IgnoreRules = new IgnoreRules(undefined, []);

  get isEmpty(): boolean {
    return this.#patterns.isEmpty;
  }

  /** True when a rule takes something back in (`!`). */
  get hasExceptions(): boolean {
    return this.#rules.some(({ pattern }) => pattern.startsWith('!'));
  }

  /** True when a rule hides whatever lies at the root, and so everything. */
  get hidesAll(): boolean {
    return !this.hasExceptions && this.#rules.some(({ pattern }) => /^\*[*/]*$/.test(pattern));
  }

  /** The verdict on a path, given the state of its folder (undefined below the root). The root itself is never ignored. */
  verdict(path: RawPath, parent: IgnoreState | undefined): IgnoreVerdict {
    const { isMatched, state } = this.#patterns.match(path, parent?.matched);
    return { isIgnored: isMatched, isFinal: isMatched && this.#patterns.isFinalFor(path, state), state: { matched: state } };
  }

  /** The rule that hides a path, as `.dockerignore:3 ("*.log")`; undefined when none does. */
  hiddenBy(path: RawPath): string | undefined {
    let state: MatchState | undefined;
    let isHidden = false;
    const components = path.split('/');
    for (const index of components.keys()) {
      const match = this.#patterns.match(rawPath(components.slice(0, index + 1).join('/')), state);
      state = match.state;
      isHidden = match.isMatched;
    }
    const rule = isHidden && state !== undefined ? this.#rules[this.#patterns.decidedBy(state) ?? -1] : undefined;
    return rule === undefined ? undefined : `${this.name ?? 'a rule'}:${rule.line} ("${rule.text}")`;
  }
}

/**
 * Reads an ignore file: a pattern a line, `#` in the first column makes a comment, `!` an exception, a leading `/` means nothing.
 * Wrong lines are left out and reported with their span (in a source list that holds only this file).
 */
export function parseIgnoreFile(source: Source): { readonly rules: IgnoreRules; readonly diagnostics: readonly Diagnostic[] } {
  const rules: Rule[] = [];
  const diagnostics: Diagnostic[] = [];
  let start = 0;
  for (const [index, line] of source.text.split('\n').entries()) {
    const rule = { text: line.replace(/^\uFEFF/, '').trim(), line: index + 1, pattern: patternOf(line, index === 0) };
    const diagnostic = problemOf(rule, { name: source.name, start, end: start + line.trimEnd().length });
    if (diagnostic !== undefined) diagnostics.push(diagnostic);
    else if (rule.pattern !== '') rules.push(rule);
    start += line.length + 1;
    if (rules.length > mostPatterns) return { rules: IgnoreRules.none, diagnostics: [tooMany(source.name, start)] };
  }
  return { rules: new IgnoreRules(source.name, rules), diagnostics };
}

/** More than people or programs write; each may take some kilobytes when it is compiled. */
const mostPatterns = 50_000;

function tooMany(name: string, end: number): Diagnostic {
  return {
    severity: 'error',
    code: 'too-large',
    message: `Cannot read ${name}: it has more than ${mostPatterns} patterns`,
    span: { source: 0, start: end - 1, end: end - 1 },
    hint: 'Join them by wildcards, or leave out everything (*) and take back what is needed (!)',
  };
}

/** The pattern of a line; '' for blank lines and comments. (moby/patternmatcher, ignorefile.ReadAll) */
function patternOf(line: string, isFirst: boolean): string {
  const text = isFirst ? line.replace(/^\uFEFF/, '') : line;
  if (text.startsWith('#')) return '';
  const trimmed = text.trim();
  const isException = trimmed.startsWith('!');
  const pattern = isException ? trimmed.slice(1).trim() : trimmed;
  if (pattern === '') return trimmed;
  const cleaned = cleanPattern(pattern);
  const relative = cleaned.length > 1 && cleaned.startsWith('/') ? cleaned.slice(1) : cleaned;
  return isException ? `!${relative}` : relative;
}

function problemOf(rule: Rule, place: { name: string; start: number; end: number }): Diagnostic | undefined {
  try {
    parseOne(rule.pattern);
    return undefined;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return {
      severity: 'error',
      code: 'ignore-pattern',
      message: `Cannot read line ${rule.line} of ${place.name}: ${error.message.replace(/^Cannot read /, '')}`,
      span: { source: 0, start: place.start, end: place.end },
      hint: 'Patterns follow the rules of .dockerignore; write a backslash before a character that is meant literally',
    };
  }
}
