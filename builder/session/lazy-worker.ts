import type { WorkerClient } from '../../executor/host/worker-client.ts';

/**
 * The worker of one build, started when something must really run: a build whose steps are all cached never pays for it. Disposing ends
 * it, also while it starts.
 */
export class LazyWorker implements AsyncDisposable {
  readonly #start: () => Promise<WorkerClient>;
  #started: Promise<WorkerClient> | undefined;

  constructor(start: () => Promise<WorkerClient>) {
    this.#start = start;
  }

  /** True once somebody asked for the worker. */
  get isWanted(): boolean {
    return this.#started !== undefined;
  }

  /** The running worker. Every caller gets the same one; a failed start fails them all with the same error. */
  get(): Promise<WorkerClient> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /** Starts it while something else is waited for, since it will most likely be needed. Who needs it is told when it cannot start. */
  begin(): void {
    this.get().catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#started === undefined) return;
    const [outcome] = await Promise.allSettled([this.#started]);
    if (outcome.status === 'fulfilled') await outcome.value.close();
  }
}
