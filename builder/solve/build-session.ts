import { stat, writeFile } from 'node:fs/promises';
import { defaultStoreRoot } from '../../cache/folder/store-layout.ts';
import { openStore, type Store } from '../../cache/store.ts';
import { ImageLookup } from '../bases/image-lookup.ts';
import { CopyLists } from '../context/copy-list.ts';
import type { StepId } from '../contract/events.ts';
import type { FetchedContexts } from '../inputs/fetched-contexts.ts';
import { RootFolders } from '../layers/root-folders.ts';
import { RunNetwork } from '../sandbox/run-network.ts';
import { Cleanup } from '../session/cleanup.ts';
import { FirstFailure } from '../session/first-failure.ts';
import { LazyWorker } from '../session/lazy-worker.ts';
import { once } from '../session/once.ts';
import { startWorker, strangersIn } from '../session/start-worker.ts';
import { startTelling, type Tell } from '../session/tell.ts';
import { WorkerIds } from '../session/worker-ids.ts';
import { askedStorage } from '../session/worker-storage.ts';
import type { Settings } from '../settings/settings.ts';
import { type StepLimits, stepLimits } from './step-limits.ts';

/** The parts that a build holds from its first line to its last. */
export interface Session extends AsyncDisposable {
  readonly options: Settings;
  readonly store: Store;
  readonly worker: LazyWorker;
  readonly network: RunNetwork;
  readonly ids: WorkerIds;
  readonly folders: RootFolders;
  readonly lookup: ImageLookup;
  /** Contexts that are no folders of this machine. */
  readonly fetched: () => Promise<FetchedContexts>;
  readonly lists: CopyLists;
  readonly limits: StepLimits;
  readonly tell: Tell;
  readonly nextId: () => StepId;
  /** When the first step began by the clock of the store's file system, which is coarser than ours; in nanoseconds. */
  readonly buildStartNs: () => Promise<string>;
  readonly failure: FirstFailure;
}

/** Opens the store and prepares the rest; nothing is started or locked until it is needed. @throws StoreError */
export async function openSession(options: Settings): Promise<Session> {
  const failure = new FirstFailure(options.signal);
  const { signal } = failure;
  const tell = startTelling(options.onEvent);
  const onNotice = (message: string): void => tell({ kind: 'notice', message });
  const cleanup = new Cleanup();
  const store = await openStore(options.store ?? defaultStoreRoot(options.environment), {
    signal,
    owner: options.storeOwner,
    onWait: () => onNotice('Waiting for the store: it is being pruned'),
  });
  cleanup.defer(() => store[Symbol.dispose]());
  for (const message of strangersIn(store)) onNotice(message);
  const ids = await WorkerIds.foresee(store, process.env);
  const storage = askedStorage(options.storage, options.environment);
  const newWorker = (): LazyWorker => cleanup.use(new LazyWorker(() => startWorker(store, { ids, storage, signal, onNotice })));
  const worker = newWorker();
  const network = new RunNetwork({ worker, hostWorker: newWorker(), options, signal, onNotice });
  const lookup = cleanup.use(new ImageLookup({ store, options, signal, onNotice }));
  const limits = stepLimits(options);
  let lastId = 0;
  const nextId = (): StepId => ++lastId;
  return {
    options,
    store,
    worker,
    network,
    ids,
    folders: new RootFolders(store, worker, { isSuspicious: options.pull === 'always', parallelUnpacks: limits.unpacks }),
    lookup,
    fetched: once(async () => {
      const { FetchedContexts: Contexts } = await import('../inputs/fetched-contexts.ts');
      return new Contexts({ options, store, client: () => lookup.client(), signal, tell, nextId, cleanup });
    }),
    lists: new CopyLists(() => store.newPath()),
    limits,
    tell,
    nextId,
    buildStartNs: once(() => fileClockNs(store)),
    failure,
    [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
  };
}

/** File times come from a clock that ticks every few milliseconds, so the start is read off a file instead of the process's clock. */
async function fileClockNs(store: Store): Promise<string> {
  const file = await store.newPath();
  await writeFile(file, '');
  return String((await stat(file, { bigint: true })).mtimeNs);
}
