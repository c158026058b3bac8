import { isBlankAt } from '../lines/blank.ts';
import { type LogicalLine, type Range, spanOf, trimRange } from '../lines/logical-line.ts';
import type { ContainerfileErrorCode, Diagnostic } from '../mistakes/errors.ts';
import type { Escape, InstructionBase } from '../syntax/containerfile.ts';
import type { Span } from '../syntax/span.ts';
import { type FlagToken, readFlags } from './flags.ts';
import { findHeredocs, type HeredocMark, type LocatedHeredoc, noMarks } from './heredoc.ts';
import { type JsonForm, readJsonForm } from './json-form.ts';

/** An instruction taken apart as far as all instructions are alike. */
export interface Statement {
  readonly line: LogicalLine;
  readonly escape: Escape;
  /** All of it, without outer blanks. */
  readonly range: Range;
  /** Upper case. */
  readonly name: string;
  /** The name as written. */
  readonly keywordText: string;
  readonly keyword: Range;
  readonly flags: readonly FlagToken[];
  /** What follows the keyword and the flags, without outer blanks. */
  readonly rest: Range;
  readonly json: JsonForm;
  readonly marks: readonly HeredocMark[];
}

/** A statement together with the bodies of its here-documents, and where its mistakes go. */
export interface StatementInput {
  readonly statement: Statement;
  readonly heredocs: readonly LocatedHeredoc[];
  readonly base: InstructionBase;
  readonly report: (diagnostic: Diagnostic) => void;
}

/** An error without its place. */
export interface Problem {
  readonly code: ContainerfileErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Takes a line apart. `at` is where its text starts: behind `ONBUILD` for a trigger. */
export function readStatement(line: LogicalLine, at: number, escape: Escape): Statement {
  const range = trimRange(line.text, { from: at, to: line.text.length });
  let keywordEnd = range.from;
  while (keywordEnd < range.to && !isBlankAt(line.text, keywordEnd)) keywordEnd += 1;
  const keyword = { from: range.from, to: keywordEnd };
  const written = line.text.slice(keyword.from, keyword.to);
  const name = sharedNames.get(written) ?? written.toUpperCase();
  const { flags, end } = readFlags(line, { from: keywordEnd, to: range.to }, escape);
  const rest = trimRange(line.text, { from: end, to: range.to });
  const json = readJsonForm(line, rest);
  const marks =
    takesHeredocs.has(name) && json.kind === 'none' ? findHeredocs(line.text, { from: keywordEnd, to: range.to }) : noMarks;
  return { line, escape, range, name, keywordText: written === name ? name : written, keyword, flags, rest, json, marks };
}

/** The text of a stretch of the statement. */
export function textOf(statement: Statement, range: Range): string {
  return statement.line.text.slice(range.from, range.to);
}

/** The source span of a stretch; of the keyword when the stretch is empty, so that there is something to point at. */
export function spanIn(statement: Statement, range: Range): Span {
  return spanOf(statement.line, range.to > range.from ? range : statement.keyword);
}

/** Reports an error at a stretch of the statement. */
export function fail(reading: StatementInput, problem: Problem, range: Range): void {
  failAt(reading, problem, spanIn(reading.statement, range));
}

/** Reports an error at a span. */
export function failAt(reading: Pick<StatementInput, 'report'>, problem: Problem, span: Span): void {
  const { code, message, hint } = problem;
  reading.report({ severity: 'error', code, message, span, ...(hint === undefined ? {} : { hint }) });
}

/** All names of instructions. */
export const instructionNames: readonly string[] = [
  'FROM',
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
];

/** Nearly all names are written in upper case: then one string serves all instructions. */
const sharedNames: ReadonlyMap<string, string> = new Map(instructionNames.map((name) => [name, name]));

const takesHeredocs: ReadonlySet<string> = new Set(['RUN', 'COPY', 'ADD']);
