export interface PatienceOptions {
  /** How often something is tried at most. */
  readonly attempts: number;
  /** The first pause in milliseconds; each next one is twice as long, with jitter. */
  readonly backoffMs: number;
}

/**
 * How long one thing is tried. It is shared by all requests that go on with the thing, whichever layer sends them again: were each layer to
 * count for itself, their numbers would multiply.
 */
export class Patience {
  readonly #options: PatienceOptions;
  #failures = 0;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Counts a failure. The pause before the next try, in milliseconds; undefined when this was the last one. */
  afterFailure(): number | undefined {
    this.#failures += 1;
    const { attempts, backoffMs } = this.#options;
    return this.#failures < attempts ? backoff(this.#failures, backoffMs) : undefined;
  }

  /** Something has been achieved. */
  renew(): void {
    this.#failures = 0;
  }
}

/** Doubling, with jitter so that many clients do not come back together. */
function backoff(failures: number, firstMs: number): number {
  return firstMs * 2 ** (failures - 1) * (0.5 + Math.random());
}
