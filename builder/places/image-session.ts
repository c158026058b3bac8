import type { Store } from '../../cache/store.ts';
import type { RegistryClient } from '../../registry/distribution/client.ts';
import { type OnProgress, RootFolders } from '../layers/root-folders.ts';
import { Cleanup } from '../session/cleanup.ts';
import { LazyWorker } from '../session/lazy-worker.ts';
import { startWorker } from '../session/start-worker.ts';
import type { WorkerIds } from '../session/worker-ids.ts';
import { askedStorage } from '../session/worker-storage.ts';
import type { PushServices } from './push-image.ts';

/** How registries are spoken to. */
export interface RegistrySettings {
  readonly authFile?: string | undefined;
  readonly certDirectory?: string | undefined;
  readonly tlsVerify?: boolean | undefined;
}

export interface ImageSessionOptions {
  readonly store: Store;
  readonly ids: WorkerIds;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** What people should know. */
  readonly onNotice: (message: string) => void;
}

/** What work on whole images holds: a store, and a worker and registry clients that are started when something needs them. */
export class ImageSession implements AsyncDisposable {
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  readonly onNotice: (message: string) => void;
  readonly worker: LazyWorker;
  readonly folders: RootFolders;
  readonly #environment: ImageSessionOptions['environment'];
  readonly #clients = new Map<string, Promise<RegistryClient>>();
  readonly #cleanup = new Cleanup();

  constructor({ store, ids, environment, signal, onProgress, onNotice }: ImageSessionOptions) {
    this.store = store;
    this.signal = signal;
    this.onProgress = onProgress;
    this.onNotice = onNotice;
    this.#environment = environment;
    const storage = askedStorage(undefined, environment);
    this.worker = this.#cleanup.use(new LazyWorker(() => startWorker(store, { ids, storage, signal, onNotice })));
    this.folders = new RootFolders(store, this.worker);
  }

  /** The client for these settings; the same settings share one. */
  client(settings: RegistrySettings): Promise<RegistryClient> {
    const key = JSON.stringify([settings.authFile, settings.certDirectory, settings.tlsVerify]);
    const client = this.#clients.get(key) ?? this.#startClient(settings);
    this.#clients.set(key, client);
    return client;
  }

  /** What a push needs, by these settings. */
  pushing(settings: RegistrySettings): PushServices {
    const { store, signal, onProgress } = this;
    return { store, signal, onProgress, client: () => this.client(settings) };
  }

  /** Ends the worker and the connections. The store stays open. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup[Symbol.asyncDispose]();
  }

  async #startClient(settings: RegistrySettings): Promise<RegistryClient> {
    const { RegistryClient: Client } = await import('../../registry/distribution/client.ts');
    const { signal, onNotice } = this;
    return this.#cleanup.use(new Client({ ...settings, environment: this.#environment, signal, onNotice }));
  }
}
