import path from 'node:path';
import type { Store } from '../../cache/store.ts';
import type { WorkerClient } from '../../executor/host/worker-client.ts';
import type { StorageKind } from '../../executor/protocol/storage.ts';
import type { WorkerIds } from './worker-ids.ts';
import { storageNotice, useStorage } from './worker-storage.ts';

/** What lies between the folders of builds and is none. It may be somebody's, so it stays. */
export function strangersIn({ leftovers, layout }: Store): readonly string[] {
  const { strange } = leftovers;
  return strange.length === 0
    ? []
    : [`Not made by tsbuild, so it stays in ${layout.sessions}: ${strange.map((name) => `"${name}"`).join(', ')}`];
}

interface WorkerStart {
  readonly ids: WorkerIds;
  /** Default: what works best. */
  readonly storage?: StorageKind | undefined;
  readonly signal: AbortSignal;
  readonly onNotice: (message: string) => void;
}

/** Starts the worker of a store, which removes what killed builds left. @throws EnvironmentError */
export async function startWorker(store: Store, { ids, storage, signal, onNotice }: WorkerStart): Promise<WorkerClient> {
  await store.hold();
  const { WorkerClient: Client } = await import('../../executor/host/worker-client.ts');
  const temporaryFolder = path.dirname(await store.newPath());
  const client = await Client.start({ storeRoot: store.root, temporaryFolder, signal, onWarning: onNotice });
  await ids.learn(client.ids);
  const notice = storageNotice(await useStorage(client, store, storage));
  if (notice !== undefined) onNotice(notice);
  // What killed builds left can hold ids that only the worker can remove. Nobody waits for it, and it is found again if this fails.
  const { abandoned } = store.leftovers;
  if (abandoned.length > 0) {
    const { removalOrder } = await import('../../cache/sessions/remove-session.ts');
    const { sessions } = store.layout;
    client.request({ kind: 'remove', folder: sessions, names: removalOrder(sessions, abandoned) }).catch(() => undefined);
  }
  return client;
}
