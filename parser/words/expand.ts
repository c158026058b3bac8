import { splitAtSpaces } from '../lines/blank.ts';
import type { Escape } from '../syntax/containerfile.ts';
import { type Glob, parseGlob, replaceMatches, trimPrefix, trimSuffix, type WorkBudget } from './glob.ts';
import { isPlain, type Modifier, parseWord, type VariablePart, type WordError, type WordPart } from './word-syntax.ts';

export interface ExpandOptions {
  /** undefined: not set. */
  readonly env: (name: string) => string | undefined;
  readonly escape: Escape;
  /** Leaves quotes in the result, for titles. */
  readonly keepQuotes?: boolean;
  /** Leaves variables that are not set as they are written, for titles. */
  readonly keepUnset?: boolean;
}

/** A variable that was used and is not set; `start` is its offset in the word. */
export interface UnsetVariable {
  readonly name: string;
  readonly start: number;
}

export interface Expansion {
  /** Empty when there is an error. */
  readonly value: string;
  /** In order of appearance, each use by itself; those in a default that was not needed included. */
  readonly unset: readonly UnsetVariable[];
  readonly error?: WordError;
}

export interface WordsExpansion {
  readonly words: readonly string[];
  readonly unset: readonly UnsetVariable[];
  readonly error?: WordError;
}

/** The value of a word: variables replaced, quotes and escapes removed. */
export function expandWord(word: string, options: ExpandOptions): Expansion {
  if (isPlain(word, options.escape)) {
    return { value: word, unset: [] };
  }
  return evaluate(word, options, true);
}

/** The value of a word split at its blanks, as EXPOSE needs: what is quoted stays together, what variables bring in is split. */
export function expandWords(word: string, options: ExpandOptions): WordsExpansion {
  const syntax = parseWord(word, { escape: options.escape, hasQuotes: true });
  if ('error' in syntax) {
    return { words: [], unset: [], error: syntax.error };
  }
  const evaluation = startEvaluation(word, options);
  const splitter: Splitter = { words: [], word: '' };
  for (const part of syntax.parts) {
    const value = evaluatePart(part, evaluation);
    if (part.kind === 'text' || part.kind === 'variable') {
      addSplit(splitter, value);
    } else {
      splitter.word += value;
    }
  }
  endWord(splitter);
  return evaluation.error === undefined
    ? { words: splitter.words, unset: evaluation.unset }
    : { words: [], unset: evaluation.unset, error: evaluation.error };
}

/** The body of a here-document for COPY and ADD: quotes are text, and the escape character is always the backslash, as in BuildKit. */
export function expandHeredoc(text: string, options: Pick<ExpandOptions, 'env'>): Expansion {
  if (!text.includes('$') && !text.includes('\\')) {
    return { value: text, unset: [] };
  }
  return evaluate(text, { env: options.env, escape: '\\' }, false);
}

/** The variables that a word mentions, nested ones included, in order. Empty when the word has a mistake. */
export function variablesOf(word: string, escape: Escape): readonly UnsetVariable[] {
  const syntax = isPlain(word, escape) ? { parts: [] } : parseWord(word, { escape, hasQuotes: true });
  const found: UnsetVariable[] = [];
  collectVariables('error' in syntax ? [] : syntax.parts, found);
  return found;
}

/** The mistake of a word that does not depend on any variable's value, or undefined. */
export function checkWord(word: string, escape: Escape): WordError | undefined {
  if (isPlain(word, escape)) return undefined;
  const syntax = parseWord(word, { escape, hasQuotes: true });
  return 'error' in syntax ? syntax.error : undefined;
}

/** Results above this are refused: 128 KiB is the most that Linux takes as one string of an environment or command line. */
const longestValue = 1 << 20;
const workLimit = 20_000_000;

interface Evaluation {
  readonly source: string;
  readonly options: ExpandOptions;
  readonly unset: UnsetVariable[];
  readonly budget: WorkBudget;
  /** Characters produced so far; bounds what nested variables can multiply. */
  produced: number;
  error: WordError | undefined;
}

function startEvaluation(source: string, options: ExpandOptions): Evaluation {
  return { source, options, unset: [], budget: { left: workLimit }, produced: 0, error: undefined };
}

function evaluate(source: string, options: ExpandOptions, hasQuotes: boolean): Expansion {
  const syntax = parseWord(source, { escape: options.escape, hasQuotes });
  if ('error' in syntax) {
    return { value: '', unset: [], error: syntax.error };
  }
  const evaluation = startEvaluation(source, options);
  const value = evaluateParts(syntax.parts, evaluation);
  return evaluation.error === undefined
    ? { value, unset: evaluation.unset }
    : { value: '', unset: evaluation.unset, error: evaluation.error };
}

function evaluateParts(parts: readonly WordPart[], evaluation: Evaluation): string {
  let value = '';
  for (const part of parts) value += evaluatePart(part, evaluation);
  return value;
}

function evaluatePart(part: WordPart, evaluation: Evaluation): string {
  switch (part.kind) {
    case 'text':
    case 'escaped':
      return part.text;
    case 'quoted': {
      const inner = evaluateParts(part.parts, evaluation);
      return evaluation.options.keepQuotes === true ? `${part.quote}${inner}${part.quote}` : inner;
    }
    case 'variable':
      return evaluateVariable(part, evaluation);
  }
}

function evaluateVariable(part: VariablePart, evaluation: Evaluation): string {
  const value = evaluation.options.env(part.name);
  if (value === undefined) {
    evaluation.unset.push({ name: part.name, start: part.start });
  }
  const result = applyModifier(part, value, evaluation);
  evaluation.produced += result.length;
  if (evaluation.produced > longestValue + evaluation.source.length) {
    const message = `Cannot expand "${part.name}": the result is longer than ${longestValue} characters`;
    evaluation.error ??= { code: 'too-deep', message, start: part.start, end: part.end };
    return '';
  }
  return value === undefined && evaluation.options.keepUnset === true ? evaluation.source.slice(part.start, part.end) : result;
}

function applyModifier(part: VariablePart, value: string | undefined, evaluation: Evaluation): string {
  const { modifier } = part;
  switch (modifier?.kind) {
    case undefined:
      return value ?? '';
    case '-':
    case '+':
    case '?':
      return applyCondition(part, modifier, { value, evaluation });
    case '#':
    case '%':
      return applyTrim(part, modifier, { value: value ?? '', evaluation });
    case '/':
      return applyReplacement(part, modifier, { value: value ?? '', evaluation });
  }
}

type Condition = Extract<Modifier, { kind: '-' | '+' | '?' }>;
type Trim = Extract<Modifier, { kind: '#' | '%' }>;
type Replacement = Extract<Modifier, { kind: '/' }>;

function applyCondition(
  part: VariablePart,
  modifier: Condition,
  given: { value: string | undefined; evaluation: Evaluation },
): string {
  const { value, evaluation } = given;
  const isMissing = value === undefined || (modifier.treatsEmptyAsUnset && value === '');
  const isNeeded = modifier.kind === '+' ? !isMissing : isMissing;
  const before = evaluation.error;
  const word = evaluateParts(modifier.word, evaluation);
  if (!isNeeded) {
    // As in a shell, a word that is not needed cannot fail.
    evaluation.error = before;
    return modifier.kind === '+' ? '' : (value ?? '');
  }
  if (modifier.kind !== '?') return word;
  const text = word === '' ? `it must not be ${value === undefined ? 'unset' : 'empty'}` : word;
  const message = `Cannot expand "${part.name}": ${text}`;
  evaluation.error ??= { code: 'variable-required', message, start: part.start, end: part.end };
  return '';
}

function applyTrim(part: VariablePart, modifier: Trim, given: { value: string; evaluation: Evaluation }): string {
  const { value, evaluation } = given;
  const glob = globOf(part, evaluateParts(modifier.pattern, evaluation), evaluation);
  const options = { isLongest: modifier.isLongest, budget: evaluation.budget };
  const result = modifier.kind === '#' ? trimPrefix(value, glob, options) : trimSuffix(value, glob, options);
  return result ?? overBudget(part, evaluation);
}

function applyReplacement(part: VariablePart, modifier: Replacement, given: { value: string; evaluation: Evaluation }): string {
  const { value, evaluation } = given;
  const glob = globOf(part, evaluateParts(modifier.pattern, evaluation), evaluation);
  const replacement = evaluateParts(modifier.replacement, evaluation);
  if (replacement.length * (value.length + 1) > longestValue * 16) return overBudget(part, evaluation);
  const result = replaceMatches(value, glob, { isAll: modifier.isAll, replacement, budget: evaluation.budget });
  return result ?? overBudget(part, evaluation);
}

function globOf(part: VariablePart, pattern: string, evaluation: Evaluation): Glob {
  const parsed = parseGlob(pattern);
  if ('glob' in parsed) return parsed.glob;
  const message = `Cannot expand "${part.name}": "${parsed.badEscape}" escapes nothing in a pattern`;
  const hint = 'A backslash goes only before * ? \\ } and /';
  evaluation.error ??= { code: 'variable-syntax', message, hint, start: part.start, end: part.end };
  return [];
}

function overBudget(part: VariablePart, evaluation: Evaluation): string {
  const message = `Cannot expand "${part.name}": value and pattern are too long to be matched`;
  evaluation.error ??= { code: 'too-deep', message, start: part.start, end: part.end };
  return '';
}

interface Splitter {
  readonly words: string[];
  word: string;
}

function addSplit(splitter: Splitter, text: string): void {
  const [first = '', ...rest] = splitAtSpaces(text);
  splitter.word += first;
  for (const piece of rest) {
    endWord(splitter);
    splitter.word = piece;
  }
}

function endWord(splitter: Splitter): void {
  if (splitter.word !== '') {
    splitter.words.push(splitter.word);
    splitter.word = '';
  }
}

function collectVariables(parts: readonly WordPart[], found: UnsetVariable[]): void {
  for (const part of parts) {
    if (part.kind === 'quoted') {
      collectVariables(part.parts, found);
    } else if (part.kind === 'variable') {
      found.push({ name: part.name, start: part.start });
      collectVariables(modifierParts(part.modifier), found);
    }
  }
}

function modifierParts(modifier: Modifier | undefined): readonly WordPart[] {
  switch (modifier?.kind) {
    case undefined:
      return [];
    case '-':
    case '+':
    case '?':
      return modifier.word;
    case '#':
    case '%':
      return modifier.pattern;
    case '/':
      return [...modifier.pattern, ...modifier.replacement];
  }
}
