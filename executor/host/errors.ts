import type { WorkerFailure } from '../protocol/failures.ts';

/** What the machine lacks. Closed: docs and tests list the same codes. */
export type EnvironmentErrorCode =
  /** No user namespace can be made: switched off, or not in this kernel. */
  | 'user-namespaces-disabled'
  /** A security policy (seccomp, AppArmor, SELinux, a container) forbids them. */
  | 'user-namespaces-restricted'
  /** The limit of user namespaces is reached. */
  | 'user-namespaces-exhausted'
  /** newuidmap or newgidmap is not installed. */
  | 'helper-missing'
  /** newuidmap or newgidmap refused. */
  | 'helper-failed'
  /** The kernel refused the id maps. */
  | 'id-maps-refused'
  /** The worker could not be started. */
  | 'worker-not-started'
  /** The worker ended while it was needed. */
  | 'worker-died'
  /** The network that was asked for cannot be made. */
  | 'network-not-started';

/** The machine does not allow what a build needs. `hint` says how to change that. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  readonly code: EnvironmentErrorCode;
  readonly hint: string | undefined;

  constructor(
    code: EnvironmentErrorCode,
    message: string,
    options: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.code = code;
    this.hint = options.hint;
  }
}

/** The worker could not do what it was asked. */
export class ExecutorError extends Error {
  override readonly name = 'ExecutorError';
  readonly failure: WorkerFailure;

  constructor(failure: WorkerFailure) {
    super(failureLine(failure));
    this.failure = failure;
  }
}

/** One line for people. Exported for tests. */
export function failureLine(failure: WorkerFailure): string {
  switch (failure.kind) {
    case 'command-failed':
      if (failure.exceededMemory !== undefined) return `The command was killed: out of memory (limit ${failure.exceededMemory})`;
      return failure.signal === undefined
        ? `The command ended with exit code ${failure.exitCode ?? 'unknown'}`
        : `The command was ended by ${failure.signal}`;
    case 'cancelled':
      return 'The request was cancelled';
    case 'command-not-started':
    case 'refused':
    case 'syscall':
    case 'bug':
      return failure.message;
  }
}

/** True when files have owners that the worker does not have, so that it may not do what it was asked. */
export function isOfOtherIds(error: unknown): boolean {
  if (!(error instanceof ExecutorError) || error.failure.kind !== 'syscall') return false;
  return error.failure.errno === 'EACCES' || error.failure.errno === 'EPERM' || error.failure.errno === 'EOVERFLOW';
}
