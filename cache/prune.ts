import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { orStoreError } from './files/errors.ts';
import { type Item, type ItemKind, takeInventory } from './inventory.ts';
import { startSession } from './sessions/session.ts';
import { type ExclusiveOptions, lockExclusively, type Store } from './store.ts';

/** What a prune may remove. Images that have a name, with all their blobs, always stay. */
export interface PrunePolicy {
  /** Things that no build used for longer than this go. */
  readonly maximalAgeMs?: number | undefined;
  /** Then the oldest go until no more than this is left. */
  readonly keepBytes?: number | undefined;
  /** Everything but named images goes. */
  readonly all?: boolean | undefined;
  /** Cache mounts stay whatever their age is. */
  readonly keepsCacheMounts?: boolean | undefined;
  /** The time that ages are counted to; default: now. */
  readonly nowMs?: number | undefined;
}

export interface PruneResult {
  /** What goes, with snapshots counted as the size of their layers' tars. */
  readonly removed: readonly Item[];
  readonly freedBytes: number;
  readonly keptBytes: number;
  /** Sessions, by name, whose content is out of the store already but still on the disk. It can hold ids that only the worker can remove. */
  readonly sessions: readonly string[];
}

/** How much of the store is what. */
export interface StoreUsage {
  readonly totalBytes: number;
  /** Of which this much could be pruned. */
  readonly reclaimableBytes: number;
  readonly byKind: Readonly<Partial<Record<ItemKind, { readonly count: number; readonly bytes: number }>>>;
}

/**
 * Takes what the policy does not keep out of the store. Needs the store for itself: StoreError 'locked' while a build uses it. Killed
 * at any moment it leaves a store that works: names go before what they name.
 */
export async function prune(store: Store, policy: PrunePolicy, options: ExclusiveOptions = {}): Promise<PruneResult> {
  if (!store.isThere) return { removed: [], freedBytes: 0, keptBytes: 0, sessions: [] };
  const lock = await lockExclusively(store.layout, options);
  try {
    return await pruneLocked(store, policy);
  } finally {
    lock[Symbol.dispose]();
  }
}

async function pruneLocked(store: Store, policy: PrunePolicy): Promise<PruneResult> {
  const { removed, freedBytes, keptBytes } = await planPrune(store, policy);
  await orStoreError(() => removeFiles(removed), 'prune', store.root);
  const waste = await moveFoldersOut(removed.filter(isFolder), store);
  return { removed, freedBytes, keptBytes, sessions: [...store.leftovers.abandoned, ...waste] };
}

/** What prune() would take out. Needs no lock, so a build may change it meanwhile. */
export async function planPrune(store: Store, policy: PrunePolicy): Promise<Omit<PruneResult, 'sessions'>> {
  const items = await takeInventory(store.layout);
  const kept = choose(items, policy);
  const removed = items.filter((item) => !kept.has(item));
  return { removed, freedBytes: sum(removed), keptBytes: sum([...kept]) };
}

/** What takes how much space. */
export async function usageOf(store: Store): Promise<StoreUsage> {
  const items = await takeInventory(store.layout);
  const kept = choose(items, { all: true });
  const byKind: Partial<Record<ItemKind, { count: number; bytes: number }>> = {};
  for (const item of items) {
    const total = (byKind[item.kind] ??= { count: 0, bytes: 0 });
    total.count++;
    total.bytes += item.bytes;
  }
  return { totalBytes: sum(items), reclaimableBytes: sum(items.filter((item) => !kept.has(item))), byKind };
}

/** Which items stay. Pure. */
export function choose(items: readonly Item[], policy: PrunePolicy): ReadonlySet<Item> {
  const byId = itemsById(items);
  const keptSince = (sinceMs: number): ReadonlySet<Item> => {
    const isRoot = (item: Item): boolean => isAlwaysKept(item, policy) || (isUsedForItself(item) && item.usedMs >= sinceMs);
    return closure(items.filter(isRoot), byId);
  };
  if (policy.all === true) return keptSince(Number.POSITIVE_INFINITY);
  const sinceMs = policy.maximalAgeMs === undefined ? 0 : (policy.nowMs ?? Date.now()) - policy.maximalAgeMs;
  const kept = keptSince(sinceMs);
  const { keepBytes } = policy;
  return keepBytes === undefined || sum([...kept]) <= keepBytes ? kept : newestWithin(kept, keepBytes, keptSince);
}

/** Finds the earliest time since which everything used fits. What is kept only shrinks as the time moves on, so halving works. */
function newestWithin(
  kept: ReadonlySet<Item>,
  keepBytes: number,
  keptSince: (sinceMs: number) => ReadonlySet<Item>,
): ReadonlySet<Item> {
  const times = [...new Set([...kept].map((item) => item.usedMs))].toSorted((a, b) => a - b);
  times.push(Number.POSITIVE_INFINITY);
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sum([...keptSince(times[middle] ?? 0)]) <= keepBytes) high = middle;
    else low = middle + 1;
  }
  return keptSince(times[low] ?? Number.POSITIVE_INFINITY);
}

/** Blobs stay only as long as something names them, and what tells of their members as long as they do. */
function isUsedForItself({ kind }: Item): boolean {
  return kind !== 'blob' && kind !== 'members';
}

function isAlwaysKept(item: Item, policy: PrunePolicy): boolean {
  return item.kind === 'image' || (item.kind === 'cache' && policy.keepsCacheMounts === true);
}

/** A snapshot can be there several times, with different ids. */
function itemsById(items: readonly Item[]): ReadonlyMap<string, readonly Item[]> {
  const byId = new Map<string, Item[]>();
  for (const item of items) {
    const same = byId.get(item.id);
    if (same === undefined) byId.set(item.id, [item]);
    else same.push(item);
  }
  return byId;
}

function closure(roots: readonly Item[], byId: ReadonlyMap<string, readonly Item[]>): ReadonlySet<Item> {
  const kept = new Set(roots);
  const queue = [...roots];
  for (let item = queue.pop(); item !== undefined; item = queue.pop()) {
    for (const id of item.needs) {
      const needed = (byId.get(id) ?? []).filter((one) => !kept.has(one));
      for (const one of needed) kept.add(one);
      queue.push(...needed);
    }
  }
  return kept;
}

/** Records first, what they name after them, so that nothing ever names what is gone. It needs no space, which a full disk does not have. */
async function removeFiles(removed: readonly Item[]): Promise<void> {
  await Promise.all(removed.filter((item) => !isFolder(item) && item.kind !== 'blob').map(removeFile));
  await Promise.all(removed.filter((item) => item.kind === 'blob').map(removeFile));
}

/** The sessions in which the folders are now, for someone to remove who may. */
async function moveFoldersOut(folders: readonly Item[], { layout, root }: Store): Promise<readonly string[]> {
  if (folders.length === 0) return [];
  const session = await orStoreError(() => startSession(layout), 'begin a session', layout.sessions);
  await orStoreError(() => Promise.all(folders.map((item) => moveOut(item.path, session.newPath()))), 'prune', root);
  return [session.name];
}

function isFolder(item: Item): boolean {
  return item.kind === 'snapshot' || item.kind === 'cache';
}

async function removeFile(item: Item): Promise<void> {
  await rm(item.path, { force: true, recursive: true });
}

/** A folder's content can belong to other ids, but its name is ours to change. */
async function moveOut(folder: string, waste: string): Promise<void> {
  await rename(folder, path.resolve(waste));
}

function sum(items: readonly Item[]): number {
  return items.reduce((total, item) => total + item.bytes, 0);
}
