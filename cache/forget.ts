import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Digest } from '../registry/oci/digest.ts';
import { orStoreError } from './files/errors.ts';
import type { StepRecord } from './records/step-records.ts';
import type { Snapshot } from './snapshots/snapshot-store.ts';
import type { Store } from './store.ts';

/**
 * Takes a damaged snapshot out of the store, with the records of all steps that may have read its files: they run again. What they made stays,
 * since images may consist of it, and is known by what it contains.
 */
export async function forgetSnapshot(store: Store, snapshot: Pick<Snapshot, 'chainId' | 'directory'>): Promise<void> {
  // Records that are on their way would come back afterwards.
  await store.flush();
  const isAbove = chainLookup(store, snapshot.chainId);
  for (const key of await recordedKeys(store)) {
    const record = await store.steps.get(key);
    if (record !== undefined && (await isAboveAny(record, isAbove))) await store.steps.remove(key);
  }
  await store.snapshots.remove(snapshot);
}

/** Says whether a chain has the snapshot in it. */
type IsAbove = (chainId: Digest | undefined) => Promise<boolean>;

async function isAboveAny({ chainId, mounted = [] }: StepRecord, isAbove: IsAbove): Promise<boolean> {
  for (const state of [chainId, ...mounted]) if (await isAbove(state)) return true;
  return false;
}

function chainLookup(store: Store, wanted: Digest): IsAbove {
  const known = new Map<Digest | undefined, boolean>([
    [undefined, false],
    [wanted, true],
  ]);
  const isAbove: IsAbove = async (chainId) => {
    const answer = known.get(chainId);
    if (answer !== undefined || chainId === undefined) return answer ?? false;
    const found = await isAbove((await store.snapshots.withAnyIds(chainId))?.parent);
    known.set(chainId, found);
    return found;
  };
  return isAbove;
}

async function recordedKeys(store: Store): Promise<readonly string[]> {
  const folder = store.layout.steps;
  const files = await orStoreError(() => readdir(folder, { recursive: true }), 'list the steps', folder);
  return files.filter((file) => file.endsWith('.json')).map((file) => path.basename(file, '.json'));
}
