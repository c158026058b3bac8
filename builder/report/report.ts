import { inspect } from 'node:util';
import type { ExecutorError } from '../../executor/host/errors.ts';
import type { WorkerFailure } from '../../executor/protocol/failures.ts';
import { codeFrame } from '../../parser/mistakes/code-frame.ts';
import type { ContainerfileError, Diagnostic } from '../../parser/mistakes/errors.ts';
import type { Source, Span } from '../../parser/syntax/span.ts';
import { trimEnd } from '../../registry/oci/text/trim-end.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { type StepError, stepHeadline } from '../contract/errors.ts';
import { errorPlaceOf } from '../session/error-place.ts';
import { checkReportOptions } from '../settings/report-rules.ts';
import { printable, printableLine } from '../show/printable.ts';
import { identify } from './known-error.ts';
import { packageVersion } from './package-version.ts';

/** How a report may look. */
export interface ReportOptions {
  /** The reader is a terminal that shows colours. Default: false. */
  readonly hasColours?: boolean;
  /** The command whose help may tell more. Default: the one that builds. */
  readonly command?: string;
}

const tailLines = 20;

/**
 * Any error as text for people: what was not possible and why, where in the Containerfile, what to do. Ends with a line feed.
 *
 * @throws UsageError for options that it does not have
 */
export function report(error: unknown, options: ReportOptions = {}): string {
  checkReportOptions(options);
  const { hasColours = false, command } = options;
  const known = identify(error);
  const lines = linesOf(known, command);
  return `${lines.map((line) => (hasColours ? coloured(line) : line)).join('\n')}\n`;
}

function linesOf(known: ReturnType<typeof identify>, command: string | undefined): readonly string[] {
  switch (known.kind) {
    case 'containerfile':
      return containerfileLines(known.error);
    case 'step':
      return stepLines(known.error);
    case 'usage':
      return [...plainLines(known.error), ...usageHint(known.error, command)];
    // The cure comes before the cause: who meets this cannot build at all until it is applied.
    case 'environment':
      return [...plainLines(known.error), ...causeLines(known.error)];
    case 'executor':
      return failureLines(known.error);
    case 'source':
    case 'registry':
    case 'store':
    case 'output':
      return [
        `error: ${printableLine(known.error.message)}`,
        ...placeLines(known.error),
        ...causeLines(known.error),
        ...hintLines(hintOf(known.error)),
      ];
    case 'interrupted':
      return [printableLine(known.error.message)];
    case 'bug':
      return bugLines(known.error);
    default:
      return unreachable(known);
  }
}

function containerfileLines({ diagnostics, sources, message }: ContainerfileError): readonly string[] {
  if (diagnostics.length === 0) return [`error: ${printableLine(message)}`];
  const shown = diagnostics.filter(({ severity }) => severity === 'error');
  return (shown.length === 0 ? diagnostics : shown).flatMap((diagnostic, index) => [
    ...(index === 0 ? [] : ['']),
    ...diagnosticLines(diagnostic, sources),
  ]);
}

/** A finding with its frame and hint. */
export function diagnosticLines(diagnostic: Diagnostic, sources: readonly Source[]): readonly string[] {
  const { severity, message, span, hint } = diagnostic;
  return [
    `${severity}: ${isCheck(diagnostic) ? `${diagnostic.code}: ` : ''}${printableLine(message)}`,
    ...frameLines(span === undefined ? undefined : sources[span.source], span),
    ...hintLines(hint),
  ];
}

/** Names of build checks are in capitals and help who wants to skip one; the codes of errors would help nobody. */
function isCheck({ code }: Diagnostic): boolean {
  return /^[A-Z]/.test(code);
}

function stepLines(error: StepError): readonly string[] {
  const { failure } = error;
  return [
    `error: ${printableLine(stepHeadline(error))}`,
    ...frameLines(error.source, error.span),
    ...tailOf(error.tail),
    ...hintLines(hintOfFailure(failure)),
    ...(failure.kind === 'bug' ? [bugTitle, ...printable(failure.stack).split('\n'), versions()] : []),
  ];
}

function failureLines({ message, failure }: ExecutorError): readonly string[] {
  if (failure.kind === 'bug') return [bugTitle, ...printable(failure.stack).split('\n'), versions()];
  return [`error: ${printableLine(message)}`, ...hintLines(hintOfFailure(failure))];
}

/** A system call that nothing is known about: the machine may forbid it. */
function hintOfFailure(failure: WorkerFailure): string | undefined {
  if (failure.kind === 'command-failed' && failure.exceededMemory !== undefined) return exceededMemoryHint;
  if ('hint' in failure && failure.hint !== undefined) return failure.hint;
  if (failure.kind === 'command-failed' && (failure.exitCode === outOfMemory || failure.signal === 'SIGKILL')) {
    return outOfMemoryHint;
  }
  return failure.kind === 'syscall'
    ? 'Run "tsbuild doctor": it tries what a RUN needs, and tells what this machine lacks'
    : undefined;
}

/** 128 + SIGKILL, as shells report it. */
const outOfMemory = 137;
const exceededMemoryHint = 'Give it more with --memory, or let it start fewer processes at a time';
const outOfMemoryHint = 'Something killed it; where nothing else did, the machine or the container ran out of memory';

function tailOf(tail: Uint8Array): readonly string[] {
  const text = printable(new TextDecoder().decode(tail)).trimEnd();
  if (text === '') return [];
  const lines = text.split('\n');
  const last = lines.slice(-tailLines);
  const title = last.length < lines.length ? `the last ${tailLines} lines of its output:` : 'its output:';
  return [title, ...last.map((line) => `  | ${line}`)];
}

function frameLines(source: Source | undefined, span: Span | undefined): readonly string[] {
  if (source === undefined || span === undefined) return [];
  return trimEnd(printable(codeFrame(source, span)), '\n').split('\n');
}

function placeLines(error: Error): readonly string[] {
  const place = errorPlaceOf(error);
  return frameLines(place?.source, place?.span);
}

function plainLines(error: Error): readonly string[] {
  return [`error: ${printableLine(error.message)}`, ...placeLines(error), ...hintLines(hintOf(error))];
}

function hintOf(error: Error): string | undefined {
  return 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
}

// One level is enough: deeper causes repeat the same failure in other words.
/** What the message does not tell already. */
function causeLines({ message, cause }: Error): readonly string[] {
  if (!(cause instanceof Error) || cause.message === '') return [];
  const isTold = message.includes(cause.message.replace(/^Cannot [^:]*: /, ''));
  return isTold ? [] : [`cause: ${printableLine(cause.message)}`];
}

function hintLines(hint: string | undefined): readonly string[] {
  return hint === undefined ? [] : [`hint: ${printable(hint)}`];
}

function usageHint(error: { readonly hint?: string | undefined }, command: string | undefined): readonly string[] {
  return error.hint === undefined ? [`hint: See tsbuild ${command === undefined ? '' : `${command} `}--help`] : [];
}

function bugLines(error: unknown): readonly string[] {
  const stack = error instanceof Error ? inspect(error) : `Thrown: ${inspect(error)}`;
  return [bugTitle, ...printable(stack).split('\n'), versions()];
}

const bugTitle = 'error: This is a bug in tsbuild';

function versions(): string {
  return `tsbuild ${packageVersion()}, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
}

const red = '\u001B[31m';
const cyan = '\u001B[36m';
const bold = '\u001B[1m';
const plain = '\u001B[0m';

function coloured(line: string): string {
  if (line.startsWith('error: ')) return `${red}${bold}error:${plain} ${bold}${line.slice('error: '.length)}${plain}`;
  if (line.startsWith('warning: ')) return `${bold}warning:${plain} ${line.slice('warning: '.length)}`;
  if (line.startsWith('hint: ')) return `${cyan}hint:${plain} ${line.slice('hint: '.length)}`;
  return line;
}
