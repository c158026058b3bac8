import type { ParseResult } from '../../parser/parse.ts';
import { BriefLookup } from '../bases/brief-lookup.ts';
import { imageFinder } from '../bases/find-image.ts';
import type { FindImage } from '../bases/resolve-plan.ts';
import type { BuildOptions } from '../contract/options.ts';
import { loadBuildFile } from '../inputs/load-build-file.ts';
import type { LoadedContainerfile } from '../inputs/load-containerfile.ts';
import { parseLoaded } from '../inputs/parse-loaded.ts';
import { checkGivenFiles } from '../preflight/given-files.ts';
import { normalise, type Settings } from '../settings/settings.ts';
import { openSession, type Session } from '../solve/build-session.ts';

/** A Containerfile that is looked at and not built. Disposing of it removes what was fetched. */
export interface InspectedFile extends AsyncDisposable {
  readonly options: Settings;
  /** Whatever is wrong with it. */
  readonly parsed: ParseResult & LoadedContainerfile;
  /** As builds look images up, but with little patience. The store is opened when the first one is asked for. */
  readonly findImage: FindImage;
}

/**
 * Reads and parses the Containerfile from wherever a build would take it. A local one needs no store.
 *
 * @throws UsageError, SourceError, RegistryError, StoreError
 */
export async function inspectFile(given: BuildOptions): Promise<InspectedFile> {
  const options = normalise(given);
  await checkGivenFiles(options);
  const session = new LazySession(options);
  try {
    const loaded = await loadBuildFile({
      options,
      client: async () => (await session.open()).lookup.client(),
      fetched: async () => (await session.open()).fetched(),
      signal: options.signal ?? new AbortController().signal,
    });
    return {
      options,
      parsed: { ...parseLoaded(loaded), ...loaded },
      findImage: async (request) => {
        const { failure } = await session.open();
        const lookup = await session.lookup();
        const { sources } = loaded;
        return imageFinder({ lookup, contexts: options.namedContexts, signal: failure.signal, sources })(request);
      },
      [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
    };
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

class LazySession implements AsyncDisposable {
  readonly #options: Settings;
  #session: Promise<Session> | undefined;
  #lookup: BriefLookup | undefined;

  constructor(options: Settings) {
    this.#options = options;
  }

  open(): Promise<Session> {
    this.#session ??= openSession(this.#options);
    return this.#session;
  }

  /** For images alone: what a file or a context comes from is waited for as usual. */
  async lookup(): Promise<BriefLookup> {
    const { store, options, failure, tell } = await this.open();
    const onNotice = (message: string): void => tell({ kind: 'notice', message });
    this.#lookup ??= new BriefLookup({ store, options, signal: failure.signal, onNotice });
    return this.#lookup;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lookup?.[Symbol.asyncDispose]();
    const session = await this.#session?.catch(() => undefined);
    // What was fetched is found again by the build that follows.
    await session?.store.flush().catch(() => undefined);
    await session?.[Symbol.asyncDispose]();
  }
}
