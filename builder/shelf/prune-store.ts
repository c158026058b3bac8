import { type Item, type ItemKind } from '../../cache/inventory.ts';
import { type PrunePolicy, planPrune, prune } from '../../cache/prune.ts';
import { removalOrder, removeSession } from '../../cache/sessions/remove-session.ts';
import type { ExclusiveOptions, Store } from '../../cache/store.ts';
import { isOfOtherIds } from '../../executor/host/errors.ts';

/** What a prune removes, or would. */
export interface PruneReport {
  readonly byKind: readonly { readonly kind: ItemKind; readonly count: number; readonly bytes: number }[];
  readonly count: number;
  readonly freedBytes: number;
  readonly keptBytes: number;
  /** Folders with files of ids that this user does not have now: out of the store, but still on the disk. */
  readonly left?: readonly string[];
}

interface PruneOptions extends ExclusiveOptions {
  readonly signal: AbortSignal;
}

/**
 * Removes what the policy does not keep. Trees are removed by this user as far as that goes, and the rest, which belongs to subordinate ids, by a
 * worker. StoreError 'locked' while a build uses the store and is not waited for; EnvironmentError when a worker is needed and cannot be started.
 */
export async function pruneStore(store: Store, policy: PrunePolicy, options: PruneOptions): Promise<PruneReport> {
  const { removed, freedBytes, keptBytes, sessions } = await prune(store, policy, options);
  const left = await removeSessions(sessions, { store, signal: options.signal });
  return { ...summary({ removed, freedBytes, keptBytes }), left };
}

/** What pruneStore() would remove. */
export async function foreseePrune(store: Store, policy: PrunePolicy): Promise<PruneReport> {
  return summary(await planPrune(store, policy));
}

async function removeSessions(
  names: readonly string[],
  { store, signal }: { readonly store: Store; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const { sessions } = store.layout;
  const left = names.filter((name) => !isRemoved(sessions, name));
  if (left.length === 0) return [];
  const { WorkerClient } = await import('../../executor/host/worker-client.ts');
  await using worker = await WorkerClient.start({ storeRoot: store.root, signal });
  const kept: string[] = [];
  for (const name of left) {
    try {
      await worker.request({ kind: 'remove', folder: sessions, names: removalOrder(sessions, [name]) }, { signal });
    } catch (error) {
      if (!isOfOtherIds(error)) throw error;
      kept.push(store.layout.session(name));
    }
  }
  return kept;
}

function isRemoved(sessions: string, name: string): boolean {
  try {
    removeSession(sessions, name);
    return true;
  } catch {
    return false; // Files of other ids are left.
  }
}

function summary({
  removed,
  freedBytes,
  keptBytes,
}: Pick<PruneReport, 'freedBytes' | 'keptBytes'> & { readonly removed: readonly Item[] }): PruneReport {
  const kinds = new Map<ItemKind, { count: number; bytes: number }>();
  for (const { kind, bytes } of removed) {
    const total = kinds.get(kind) ?? { count: 0, bytes: 0 };
    total.count++;
    total.bytes += bytes;
    kinds.set(kind, total);
  }
  const byKind = [...kinds].map(([kind, total]) => ({ kind, ...total })).toSorted((a, b) => b.bytes - a.bytes);
  return { byKind, count: removed.length, freedBytes, keptBytes };
}
