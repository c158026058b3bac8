import { hidePasswords } from '../../registry/oci/text/private-url.ts';
import type { Diagnostic } from '../mistakes/errors.ts';
import type { Position, Source, Span } from '../syntax/span.ts';
import { rules } from './rules.ts';

/** Findings in the shape of BuildKit's lint result, so that its tools can read them. */
export interface CheckJson {
  readonly warnings: readonly CheckJsonWarning[];
  readonly sources: readonly { readonly filename: string; readonly language: string; readonly data: string }[];
  /** The first error. */
  readonly buildError?: { readonly message: string; readonly location?: CheckJsonLocation };
}

interface CheckJsonWarning {
  readonly ruleName: string;
  readonly description: string;
  readonly url?: string;
  readonly detail: string;
  readonly location?: CheckJsonLocation;
}

interface CheckJsonLocation {
  readonly sourceIndex: number;
  readonly ranges: readonly {
    readonly start: { readonly line: number; readonly character: number };
    readonly end: { readonly line: number; readonly character: number };
  }[];
}

/** Warnings become `warnings`, and the first error `buildError`; with `error=true` a check's finding is both. */
export function toJson(diagnostics: readonly Diagnostic[], sources: readonly Source[]): CheckJson {
  const positions = new Positions(sources);
  const error = diagnostics.find(({ severity }) => severity === 'error');
  const place = error === undefined ? undefined : jsonLocation(error, positions);
  const found = diagnostics.filter(({ severity, code }) => severity === 'warning' || rules.has(code));
  return {
    warnings: found.map((diagnostic) => jsonWarning(diagnostic, positions)),
    sources: sources.map(({ name, text }) => ({
      filename: name,
      language: 'Dockerfile',
      data: Buffer.from(hidePasswords(text), 'utf8').toString('base64'),
    })),
    ...(error === undefined ? {} : { buildError: { message: errorMessage(error, found), ...(place && { location: place }) } }),
  };
}

/** Findings as a SARIF 2.1.0 log. Columns count characters. */
export function toSarif(diagnostics: readonly Diagnostic[], sources: readonly Source[], version = '0.0.0'): SarifLog {
  const positions = new Positions(sources);
  const codes = [...new Set(diagnostics.map(({ code }) => code))].toSorted();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'tsbuild', version, rules: codes.map(sarifRule) } },
        columnKind: 'unicodeCodePoints',
        results: diagnostics.map((diagnostic) => sarifResult(diagnostic, { positions, sources })),
      },
    ],
  };
}

interface SarifLog {
  readonly $schema: string;
  readonly version: '2.1.0';
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly name: string; readonly version: string; readonly rules: readonly SarifRule[] } };
    readonly columnKind: 'unicodeCodePoints';
    readonly results: readonly SarifResult[];
  }[];
}

interface SarifRule {
  readonly id: string;
  readonly shortDescription?: { readonly text: string };
  readonly helpUri?: string;
}

interface SarifResult {
  readonly ruleId: string;
  readonly level: 'error' | 'warning';
  readonly message: { readonly text: string };
  readonly locations: readonly {
    readonly physicalLocation: {
      readonly artifactLocation: { readonly uri: string };
      readonly region: {
        readonly startLine: number;
        readonly startColumn: number;
        readonly endLine: number;
        readonly endColumn: number;
      };
    };
  }[];
}

function jsonWarning(diagnostic: Diagnostic, positions: Positions): CheckJsonWarning {
  const { code, message } = diagnostic;
  const rule = rules.get(code);
  const location = jsonLocation(diagnostic, positions);
  return {
    ruleName: code,
    description: rule?.description ?? message,
    ...(rule === undefined ? {} : { url: rule.url }),
    detail: message,
    ...(location === undefined ? {} : { location }),
  };
}

function jsonLocation({ span }: Diagnostic, positions: Positions): CheckJsonLocation | undefined {
  if (span === undefined) return undefined;
  const [start, end] = positions.of(span);
  return {
    sourceIndex: span.source,
    // BuildKit counts characters from 0 and lines from 1.
    ranges: [{ start: { line: start.line, character: start.column - 1 }, end: { line: end.line, character: end.column - 1 } }],
  };
}

function errorMessage(error: Diagnostic, found: readonly Diagnostic[]): string {
  if (!rules.has(error.code)) return error.message;
  const names = [...new Set(found.map(({ code }) => code))].toSorted();
  return `lint violation found for rules: ${names.join(', ')}`;
}

function sarifRule(code: string): SarifRule {
  const rule = rules.get(code);
  return rule === undefined ? { id: code } : { id: code, shortDescription: { text: rule.description }, helpUri: rule.url };
}

function sarifResult(diagnostic: Diagnostic, given: { positions: Positions; sources: readonly Source[] }): SarifResult {
  const { code, severity, message, span, hint } = diagnostic;
  const text = hint === undefined ? message : `${message}. ${hint}`;
  if (span === undefined) {
    return { ruleId: code, level: severity, message: { text }, locations: [] };
  }
  const [start, end] = given.positions.of(span);
  const region = { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column };
  const uri = encodeURI(wellFormed(given.sources[span.source]?.name ?? ''));
  return {
    ruleId: code,
    level: severity,
    message: { text },
    locations: [{ physicalLocation: { artifactLocation: { uri }, region } }],
  };
}

/** encodeURI() throws at half surrogate pairs. */
function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

/** Finds many positions in the same sources: each source's lines are counted once. */
class Positions {
  readonly #sources: readonly Source[];
  readonly #lineStarts = new Map<number, readonly number[]>();

  constructor(sources: readonly Source[]) {
    this.#sources = sources;
  }

  /** Where the span starts and ends. */
  of(span: Span): readonly [Position, Position] {
    return [this.#find(span.source, span.start), this.#find(span.source, span.end)];
  }

  #find(index: number, offset: number): Position {
    const text = this.#sources[index]?.text ?? '';
    const starts = this.#startsOf(index, text);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return { line: low + 1, column: Array.from(text.slice(starts[low] ?? 0, offset)).length + 1 };
  }

  #startsOf(index: number, text: string): readonly number[] {
    const known = this.#lineStarts.get(index);
    if (known !== undefined) return known;
    const starts = [0];
    for (let newline = text.indexOf('\n'); newline !== -1; newline = text.indexOf('\n', newline + 1)) starts.push(newline + 1);
    this.#lineStarts.set(index, starts);
    return starts;
  }
}
