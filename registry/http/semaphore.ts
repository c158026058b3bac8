import pLimit, { type LimitFunction } from 'p-limit';

/** Lets a fixed number of holders in at once; others wait in order of arrival. Around p-limit, whose places end with a call, for what outlives one. */
export class Semaphore {
  readonly #limit: LimitFunction;

  constructor(limit: number) {
    this.#limit = pLimit(limit);
  }

  /** Resolves with a function that gives the place back; calling it again does nothing. Rejects with the signal's reason. */
  async acquire(signal: AbortSignal | undefined): Promise<() => void> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      // The reason is whatever the caller aborts with; it is passed on untouched.
      const giveUp = (): void => reject(signal?.reason);
      signal?.addEventListener('abort', giveUp, { once: true });
      void this.#limit(async () => {
        signal?.removeEventListener('abort', giveUp);
        // Who gave up is in the queue until it is its turn, and takes no place then.
        if (signal?.aborted !== true) await new Promise<void>((release) => resolve(release));
      });
    });
  }
}
