import { RegistryError } from '../../registry/errors/registry-error.ts';
import { ImageLookup, type LookupServices } from './image-lookup.ts';

/** How long a registry may take to connect, and how long it may be silent. Each request is sent once. */
const silenceMs = 5000;
/** How long all look-ups together may take. */
const mostMs = 15_000;

/**
 * Looks images up for who can do without them, and whom nobody wants to wait for. The clock runs from the first name on; after it every
 * look-up throws RegistryError `timeout`.
 */
export class BriefLookup implements AsyncDisposable {
  readonly #lookup: ImageLookup;
  readonly #end = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(services: LookupServices) {
    const limits = { attempts: 1, connectTimeoutMs: silenceMs, stallTimeoutMs: silenceMs };
    this.#lookup = new ImageLookup({ ...services, limits, signal: AbortSignal.any([services.signal, this.#end.signal]) });
  }

  /** As ImageLookup.find(). */
  find(...wanted: Parameters<ImageLookup['find']>): ReturnType<ImageLookup['find']> {
    this.#timer ??= setTimeout(() => this.#end.abort(tooSlow()), mostMs);
    return this.#lookup.find(...wanted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#lookup[Symbol.asyncDispose]();
  }
}

function tooSlow(): RegistryError {
  return new RegistryError('timeout', `Cannot look up base images: registries took more than ${mostMs / 1000} s`, {
    side: 'registry',
  });
}
