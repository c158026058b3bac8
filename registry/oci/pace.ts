import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long a loop may keep the event loop from turning, in milliseconds. Signals, output and other requests wait meanwhile. */
const sliceMs = 10;

/** When the event loop turned last, as far as anybody's pace has seen. Loops that run beside each other share the slice. */
let sliceStart = 0;

/** What a generator gives between its values where it finds that a pause is due: whoever takes the values lets everything else run. */
export const pause: unique symbol = Symbol('pause');
export type Pause = typeof pause;

/**
 * Keeps a loop from having the thread for itself. A loop over many things, or over much content, asks after each of them:
 *
 *     if (pace.isDue()) await pace.turn();
 */
export class Pace {
  readonly #signal: AbortSignal | undefined;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** True when others have waited for as long as they should. Costs some 50 ns. */
  isDue(): boolean {
    return performance.now() - sliceStart >= sliceMs;
  }

  /** Lets everything else run. @throws the signal's reason when it was aborted by then */
  async turn(): Promise<void> {
    await nextTurn();
    sliceStart = performance.now();
    this.#signal?.throwIfAborted();
  }
}
