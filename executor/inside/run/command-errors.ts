import type { ExitStatus } from '../../../native/processes.ts';
import type { WorkerFailure } from '../../protocol/failures.ts';

/** The command of a RUN ended with an exit code other than 0, or by a signal. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly failure: Extract<WorkerFailure, { kind: 'command-failed' }>;

  constructor({ exitCode, signal }: ExitStatus, exceededMemoryBytes?: number) {
    super(`The command ended with ${signal === undefined ? `exit code ${exitCode}` : signal}`);
    const exceeded = exceededMemoryBytes === undefined ? {} : { exceededMemory: `${exceededMemoryBytes / 2 ** 20} MiB` };
    this.failure = { kind: 'command-failed', exitCode, signal, ...exceeded };
  }
}

/** The command of a RUN could not be started. The message and the hint are for people. */
export class CommandNotStarted extends Error {
  override readonly name = 'CommandNotStarted';
  readonly failure: Extract<WorkerFailure, { kind: 'command-not-started' }>;

  constructor(why: { readonly program: string; readonly errno: string; readonly message: string; readonly hint?: string }) {
    super(why.message);
    this.failure = { kind: 'command-not-started', ...why };
  }
}
