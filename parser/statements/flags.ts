import { isBlankAt } from '../lines/blank.ts';
import { type LogicalLine, type Range, spanOf } from '../lines/logical-line.ts';
import type { Diagnostic } from '../mistakes/errors.ts';
import { didYouMean } from '../mistakes/suggest.ts';
import type { Escape } from '../syntax/containerfile.ts';
import type { Span } from '../syntax/span.ts';

/** `--name=value` as written before the arguments of an instruction; quotes and escapes already removed. */
export interface FlagToken {
  readonly name: string;
  /** undefined without `=`. */
  readonly value: string | undefined;
  readonly span: Span;
  readonly valueSpan: Span;
}

/** What an instruction allows. Lists may be repeated. */
export type FlagKinds = Readonly<Record<string, 'boolean' | 'text' | 'list'>>;

/** The flags of an instruction after they were checked against its kinds. */
export interface Flags {
  readonly all: (name: string) => readonly FlagToken[];
  readonly one: (name: string) => FlagToken | undefined;
  /** undefined when the flag is not there. */
  readonly boolean: (name: string) => boolean | undefined;
}

/** Cuts the leading `--` words off; a bare `--` ends them. `to` of the result is where the arguments start. */
export function readFlags(
  line: LogicalLine,
  range: Range,
  escape: Escape,
): { readonly flags: readonly FlagToken[]; readonly end: number } {
  const { text } = line;
  let at = skipBlanks(text, range);
  if (!text.startsWith('--', at)) {
    return { flags: noFlags, end: at };
  }
  const flags: FlagToken[] = [];
  for (;;) {
    at = skipBlanks(text, { from: at, to: range.to });
    if (at >= range.to || !text.startsWith('--', at)) {
      return { flags, end: at };
    }
    const word = readFlagWord(text, { from: at, to: range.to }, escape);
    const from = at;
    at = word.end;
    if (word.text === '--') {
      return { flags, end: at };
    }
    flags.push(makeFlag(line, word, from));
  }
}

/** Reports flags that the instruction does not have, that are repeated, or whose value is wrong. */
export function checkFlags(
  flags: readonly FlagToken[],
  kinds: FlagKinds,
  options: { instruction: string; report: (diagnostic: Diagnostic) => void },
): Flags {
  if (flags.length === 0) return withoutFlags;
  const accepted = new Map<string, FlagToken[]>();
  let problems = 0;
  for (const flag of flags) {
    const kind = Object.hasOwn(kinds, flag.name) ? kinds[flag.name] : undefined;
    const problem = kind === undefined ? unknownFlag(flag, kinds, options.instruction) : wrongFlag(flag, kind, accepted);
    if (problem !== undefined) {
      options.report(problem);
      problems += 1;
      if (problems === mostFlagErrors) break;
      continue;
    }
    const earlier = accepted.get(flag.name);
    if (earlier === undefined) {
      accepted.set(flag.name, [flag]);
    } else {
      earlier.push(flag);
    }
  }
  const all = (name: string): readonly FlagToken[] => accepted.get(name) ?? [];
  const one = (name: string): FlagToken | undefined => all(name)[0];
  const boolean = (name: string): boolean | undefined => {
    const flag = one(name);
    return flag === undefined ? undefined : (flag.value ?? 'true').toLowerCase() === 'true';
  };
  return { all, one, boolean };
}

/** Whoever wrote so many wrong flags has made one mistake many times. */
const mostFlagErrors = 20;

const noFlags: readonly FlagToken[] = [];

/** Of an instruction that was written without flags. */
const withoutFlags: Flags = { all: () => noFlags, one: () => undefined, boolean: () => undefined };

function skipBlanks(text: string, range: Range): number {
  let at = range.from;
  while (at < range.to && isBlankAt(text, at)) at += 1;
  return at;
}

interface FlagWord {
  readonly text: string;
  readonly end: number;
  /** Where the value starts in the line, when there is a `=`. */
  readonly valueAt: number | undefined;
}

/** BuildKit's rule: quotes of both kinds group, and the escape character takes the next character as it is, everywhere. */
function readFlagWord(text: string, range: Range, escape: Escape): FlagWord {
  let at = range.from;
  let quote: string | undefined;
  let valueAt: number | undefined;
  let out = '';
  while (at < range.to && (quote !== undefined || !isBlankAt(text, at))) {
    const character = text[at] ?? '';
    at += 1;
    if (character === quote) {
      quote = undefined;
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
    } else if (character === escape) {
      out += text.slice(at, Math.min(at + 1, range.to));
      at = Math.min(at + 1, range.to);
    } else {
      if (character === '=' && valueAt === undefined) valueAt = at;
      out += character;
    }
  }
  return { text: out, end: at, valueAt };
}

function makeFlag(line: LogicalLine, word: FlagWord, from: number): FlagToken {
  const equals = word.text.indexOf('=');
  const span = spanOf(line, { from, to: word.end });
  const valueFrom = word.valueAt ?? from;
  return {
    name: word.text.slice(2, equals === -1 ? undefined : equals),
    value: equals === -1 ? undefined : word.text.slice(equals + 1),
    span,
    valueSpan: valueFrom < word.end ? spanOf(line, { from: valueFrom, to: word.end }) : span,
  };
}

function unknownFlag(flag: FlagToken, kinds: FlagKinds, instruction: string): Diagnostic {
  const names = Object.keys(kinds).map((name) => `--${name}`);
  const reason = names.length === 0 ? `${instruction} has no flags` : 'there is no such flag';
  const hint = didYouMean(`--${flag.name}`, names) ?? unknownFlagHint(instruction, names);
  return {
    severity: 'error',
    code: 'unknown-flag',
    message: `Cannot use "--${flag.name}" with ${instruction}: ${reason}`,
    span: flag.span,
    ...(hint === undefined ? {} : { hint }),
  };
}

function unknownFlagHint(instruction: string, names: readonly string[]): string | undefined {
  if (names.length > 0) {
    return `${instruction} has ${names.join(', ')}`;
  }
  return ['CMD', 'ENTRYPOINT', 'RUN'].includes(instruction)
    ? `To start the command with it, write "${instruction} -- --flag" or use the JSON form`
    : undefined;
}

function wrongFlag(
  flag: FlagToken,
  kind: 'boolean' | 'text' | 'list',
  accepted: ReadonlyMap<string, readonly FlagToken[]>,
): Diagnostic | undefined {
  if (kind !== 'list' && accepted.has(flag.name)) {
    const message = `Cannot use "--${flag.name}" again: it may be given once`;
    return { severity: 'error', code: 'repeated-flag', message, span: flag.span };
  }
  if (kind !== 'boolean') {
    const message = `Cannot use "--${flag.name}" alone: it needs a value`;
    const hint = `Write --${flag.name}=value`;
    return flag.value === undefined ? { severity: 'error', code: 'flag-value', message, span: flag.span, hint } : undefined;
  }
  if (flag.value === undefined || /^(?:true|false)$/i.test(flag.value)) return undefined;
  const message = `Cannot use "${flag.value}" for "--${flag.name}": it is true or false`;
  return { severity: 'error', code: 'flag-value', message, span: flag.valueSpan };
}
