import { type Range, trimRange } from '../lines/logical-line.ts';
import type { Diagnostic } from '../mistakes/errors.ts';
import type { Directives } from '../syntax/containerfile.ts';
import type { Source, Span } from '../syntax/span.ts';

export interface DirectiveBlock {
  readonly directives: Directives;
  /** The value of `check` in the source. */
  readonly checkSpan: Span | undefined;
  /** Where the block ends; lines before are no comments. */
  readonly end: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads the directives at the top of the first source; a `#!` line may stand before them. */
export function readDirectives(source: Source): DirectiveBlock {
  const found = collect(source, '#');
  const escape = found.values.get('escape');
  const diagnostics = [...found.diagnostics];
  if (escape !== undefined && escape.text !== '\\' && escape.text !== '`') {
    diagnostics.push({
      severity: 'error',
      code: 'directive',
      message: `Cannot use "${escape.text}" as the escape character: only \\ and \` are possible`,
      span: escape.span,
    });
  }
  const syntax = found.values.get('syntax')?.text ?? foreignSyntax(source);
  return {
    directives: {
      syntax: syntax?.split(' ', 1)[0],
      escape: escape?.text === '`' ? '`' : '\\',
      check: found.values.get('check')?.text,
    },
    checkSpan: found.values.get('check')?.span,
    end: found.end,
    diagnostics,
  };
}

/** The frontend that a file of another format asks for, with `//syntax=` or as JSON; such a file is no Containerfile. */
export function foreignSyntax(source: Source): string | undefined {
  const start = contentStart(source.text);
  if (source.text.startsWith('//', start)) return collect(source, '//').values.get('syntax')?.text;
  return /^\s*\{/.test(source.text.slice(start, start + 100)) ? jsonSyntax(source.text.slice(start)) : undefined;
}

interface DirectiveValue {
  readonly text: string;
  readonly span: Span;
}

interface DirectiveLines {
  readonly values: ReadonlyMap<string, DirectiveValue>;
  readonly end: number;
  readonly diagnostics: readonly Diagnostic[];
}

const names: ReadonlySet<string> = new Set(['syntax', 'escape', 'check']);

function collect(source: Source, marker: '#' | '//'): DirectiveLines {
  const values = new Map<string, DirectiveValue>();
  const diagnostics: Diagnostic[] = [];
  let at = contentStart(source.text);
  while (at < source.text.length) {
    const newline = source.text.indexOf('\n', at);
    const end = newline === -1 ? source.text.length : newline;
    const directive = parseDirective(source.text.slice(at, end), marker);
    if (directive === undefined || !names.has(directive.name)) break;
    const span = { source: 0, start: at + directive.at, end: at + directive.at + directive.value.length };
    if (values.has(directive.name)) {
      const message = `Cannot use the directive "${directive.name}" again: it may be given once`;
      diagnostics.push({ severity: 'error', code: 'directive', message, span });
    } else {
      values.set(directive.name, { text: directive.value, span });
    }
    at = end + 1;
  }
  return { values, end: Math.min(at, source.text.length), diagnostics };
}

/**
 * `# name = value`; `at` is where the value starts. Around the marker all white space is left out, around the `=` that of regular
 * expressions of Go alone (`\s`). Written without a regular expression, whose backtracking long lines could use.
 */
function parseDirective(line: string, marker: string): { name: string; value: string; at: number } | undefined {
  const { from: start } = trimRange(line, { from: 0, to: line.length });
  const equals = line.indexOf('=', start);
  if (!line.startsWith(marker, start) || equals === -1) return undefined;
  const { from } = trimRange(line, { from: start + marker.length, to: equals });
  const name = trimPattern(line, { from, to: equals });
  const value = trimPattern(line, { from: equals + 1, to: line.length });
  if (value.from === value.to) return undefined;
  const textOf = (range: Range): string => line.slice(range.from, range.to);
  return { name: textOf(name).toLowerCase(), value: textOf(value), at: value.from };
}

function trimPattern(text: string, range: Range): Range {
  const isBlank = (at: number): boolean => '\t\n\f\r '.includes(text[at] ?? '-');
  let { from, to } = range;
  while (from < to && isBlank(from)) from += 1;
  while (to > from && isBlank(to - 1)) to -= 1;
  return { from, to };
}

/** Behind the byte order mark and the `#!` line. */
function contentStart(text: string): number {
  const start = text.startsWith('\u{feff}') ? 1 : 0;
  if (!text.startsWith('#!', start)) return start;
  const newline = text.indexOf('\n', start);
  return newline === -1 ? text.length : newline + 1;
}

function jsonSyntax(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isNamed = typeof value === 'object' && value !== null && 'syntax' in value;
    return isNamed && typeof value.syntax === 'string' ? value.syntax : undefined;
  } catch {
    // Text that only starts like JSON is read as a Containerfile, and its mistakes are reported there.
    return undefined;
  }
}
