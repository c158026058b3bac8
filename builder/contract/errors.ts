import type { WorkerFailure } from '../../executor/protocol/failures.ts';
import type { Source, Span } from '../../parser/syntax/span.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';

/** The caller asked for something that cannot be: a bad flag, a missing context, an option without its partner. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** The flag or argument that is wrong, as the user wrote it: `--output`, `CONTEXT`. For the library: the option's flag. */
  readonly flag: string;
  readonly hint: string | undefined;

  constructor(flag: string, message: string, options: { readonly hint?: string | undefined; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.flag = flag;
    this.hint = options.hint;
  }
}

/** What a failed step was, and all that is known of the failure. */
export interface StepErrorDetails {
  /** `[build 2/5] RUN make`: variables expanded, secrets masked. */
  readonly title: string;
  readonly source: Source;
  readonly span: Span;
  readonly failure: WorkerFailure;
  /** The last bytes of the command's output, standard output and error as they came. At most some kilobytes. */
  readonly tail: Uint8Array;
}

/** A step of the Containerfile failed. Exit code 1, whatever the command's own exit code was. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly title: string;
  readonly source: Source;
  readonly span: Span;
  readonly failure: WorkerFailure;
  readonly tail: Uint8Array;

  constructor(details: StepErrorDetails, options: { readonly cause?: unknown } = {}) {
    super(stepHeadline(details), { cause: options.cause });
    this.title = details.title;
    this.source = details.source;
    this.span = details.span;
    this.failure = details.failure;
    this.tail = details.tail;
  }
}

/** An output (archive, folder, id file) that cannot be written. Exit code 5. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
  /** The destination as the user gave it; `-` is standard output. */
  readonly destination: string;
  readonly hint: string | undefined;

  constructor(
    destination: string,
    message: string,
    options: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.destination = destination;
    this.hint = options.hint;
  }
}

/** What could not be done and why. A failure that says itself what could not be done is not said twice; the frame shows the step. */
export function stepHeadline({ title, failure }: Pick<StepErrorDetails, 'title' | 'failure'>): string {
  const why = describeFailure(failure);
  return why.startsWith('Cannot ') ? why : `Cannot run ${title}: ${why}`;
}

/** A worker's failure in a few words, to stand after a colon. Never throws. */
export function describeFailure(failure: WorkerFailure): string {
  switch (failure.kind) {
    case 'command-failed':
      if (failure.exceededMemory !== undefined) return `the command was killed: out of memory (limit ${failure.exceededMemory})`;
      return failure.signal === undefined ? `exit code ${failure.exitCode ?? 'unknown'}` : `killed by ${failure.signal}`;
    case 'command-not-started':
    case 'refused':
    case 'syscall':
    case 'bug':
      return failure.message;
    case 'cancelled':
      return 'cancelled';
    default:
      return unreachable(failure);
  }
}
