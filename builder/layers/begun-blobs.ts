import pLimit, { type LimitFunction } from 'p-limit';
import type { CompressedLayer } from '../../cache/records/compressed-layers.ts';

/** How many layers are compressed at the same time. Large ones use every processor by themselves. */
const parallelLayers = 2;

/**
 * The layer blobs that are being made, or were: each is begun by whoever needs it first, and is made once. Beside steps that still run they are
 * made in the background, one at a time.
 */
export class BegunBlobs {
  readonly #begun = new Map<string, Promise<CompressedLayer>>();
  readonly #limit: LimitFunction;
  #isInBackground: boolean;

  constructor({ isInBackground = false }: { readonly isInBackground?: boolean } = {}) {
    this.#isInBackground = isInBackground;
    this.#limit = pLimit(isInBackground ? 1 : parallelLayers);
  }

  /** True while people wait for something else. */
  get isInBackground(): boolean {
    return this.#isInBackground;
  }

  /** From now on people wait for the blobs. */
  bringForward(): void {
    this.#isInBackground = false;
    this.#limit.concurrency = parallelLayers;
  }

  /** The blob of that name. What fails in the background is tried again by who waits for it, so that it is told once, and where it belongs. */
  once(name: string, make: () => Promise<CompressedLayer>): Promise<CompressedLayer> {
    const known = this.#begun.get(name);
    if (known !== undefined) return known;
    const begun = make();
    this.#begun.set(name, begun);
    begun.catch(() => {
      if (this.#isInBackground) this.#begun.delete(name);
    });
    return begun;
  }

  /** Writes a blob when it is its turn. */
  write<T>(work: () => Promise<T>): Promise<T> {
    return this.#limit(work);
  }
}
