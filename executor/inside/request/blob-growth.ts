import { once } from 'node:events';

/** How many bytes of a file are there that main is still writing. */
export class BlobGrowth {
  readonly #events = new EventTarget();
  #bytes = 0;

  /** Takes note of what main tells. */
  grow(bytes: number): void {
    this.#bytes = bytes;
    this.#events.dispatchEvent(new Event('grown'));
  }

  /** Settles with the number when it is above `bytes`. @throws the signal's reason */
  async beyond(bytes: number, signal: AbortSignal): Promise<number> {
    while (this.#bytes <= bytes) await nextGrowth(this.#events, signal);
    return this.#bytes;
  }
}

async function nextGrowth(events: EventTarget, signal: AbortSignal): Promise<void> {
  try {
    await once(events, 'grown', { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
