import { isCorrupt, StoreError } from '../../cache/files/errors.ts';
import { forgetSnapshot } from '../../cache/forget.ts';
import type { Snapshot } from '../../cache/snapshots/snapshot-store.ts';
import type { Store } from '../../cache/store.ts';
import { ExecutorError } from '../../executor/host/errors.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { LazyWorker } from '../session/lazy-worker.ts';

interface VerifyServices {
  readonly store: Store;
  readonly worker: LazyWorker;
  readonly signal: AbortSignal;
}

/**
 * Compares the files of layers in the store with what is written about them. Those that are damaged are taken out of the store, and a
 * StoreError ('corrupt') tells of the first.
 */
export async function verifyLayers(snapshots: Iterable<Snapshot>, verifying: VerifyServices): Promise<void> {
  let first: StoreError | undefined;
  for (const snapshot of new Set(snapshots)) {
    const damage = await damageOf(snapshot, verifying);
    if (damage === undefined) continue;
    await forgetSnapshot(verifying.store, snapshot);
    first ??= damage;
  }
  if (first !== undefined) throw first;
}

/** Why a layer cannot be used; undefined for one that is whole. Nothing is removed. */
export async function damageOf(snapshot: Snapshot, { store, worker, signal }: VerifyServices): Promise<StoreError | undefined> {
  const { directory, facts } = snapshot;
  try {
    await store.snapshots.verifyIndex(snapshot);
    const client = await worker.get();
    // Once the worker has started it is certain which ids are ours.
    const hasOurIds = directory === store.layout.snapshot(snapshot.chainId);
    const lowers = hasOurIds ? await lowersBelow(snapshot, store) : undefined;
    await client.request({ kind: 'verify-layer', directory, diffId: facts.diffId, lowers, hasOurIds }, { signal });
    return undefined;
  } catch (error) {
    if (isCorrupt(error)) return error;
    if (isDamage(error)) return damagedLayer(error, directory);
    throw error;
  }
}

/** undefined when not all of them are folders, or there. */
async function lowersBelow({ parent }: Snapshot, { snapshots }: Store): Promise<readonly string[] | undefined> {
  return (await snapshots.hasFolders(parent)) ? snapshots.lowersOf(parent) : undefined;
}

/** Runs work that reads the files of one layer. When they are damaged the layer is taken out of the store, and a StoreError says so. */
export async function orForgetDamaged<T>(snapshot: Snapshot, store: Store, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDamage(error)) throw error;
    await forgetSnapshot(store, snapshot);
    throw damagedLayer(error, snapshot.directory);
  }
}

/**
 * Runs work that reads a blob of the store in the worker. What goes wrong there says little; when the blob is not what its name says, that is
 * the reason, and it is removed.
 */
export async function orForgetBlob<T>(
  digest: Digest,
  { store, signal }: Omit<VerifyServices, 'worker'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ExecutorError) await store.blobs.verify(digest, signal);
    throw error;
  }
}

/** A layer that was looked up before, so that it went meanwhile: the next look will not find it. */
export function lostLayer(diffId: Digest, folder: string): StoreError {
  return new StoreError('corrupt', `Cannot use layer ${diffId}: the store has lost it`, {
    path: folder,
    hint: 'Build the image again',
    isRemoved: true,
  });
}

function isDamage(error: unknown): error is ExecutorError {
  return error instanceof ExecutorError && error.failure.kind === 'refused' && error.failure.code === 'layer-damaged';
}

function damagedLayer(error: ExecutorError, path: string): StoreError {
  return new StoreError('corrupt', error.message, {
    path,
    hint: 'The layer was removed from the store; build or pull the image again to have it anew',
    isRemoved: true,
  });
}
