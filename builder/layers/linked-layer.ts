import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../../cache/files/errors.ts';
import { snapshotFiles } from '../../cache/folder/store-layout.ts';
import type { StepRecord } from '../../cache/records/step-records.ts';
import type { Store } from '../../cache/store.ts';
import { isOfOtherIds } from '../../executor/host/errors.ts';
import { chainIdOf, type Digest } from '../../registry/oci/digest.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import type { LazyWorker } from '../session/lazy-worker.ts';
import { orForgetDamaged } from './verify-layers.ts';

/** What taking a layer over needs. */
interface Takeover {
  readonly store: Store;
  readonly worker: LazyWorker;
  readonly signal: AbortSignal;
}

/**
 * Takes the layer of a COPY --link over to another base than the one that it was made on, as its tar: it holds nothing of what is below. What
 * the copy takes its files from is not needed. undefined when the store has lost the layer.
 */
export async function layerOnBase(
  record: StepRecord,
  parent: Digest | undefined,
  { store, worker, signal }: Takeover,
): Promise<LayerFacts | undefined> {
  const { facts } = record;
  const made = await store.snapshots.withAnyIds(record.chainId);
  if (made === undefined) return undefined;
  const directory = await store.snapshots.prepare();
  const client = await worker.get();
  const form = { compression: { kind: 'none' }, epoch: undefined } as const;
  const output = join(directory, snapshotFiles.packed);
  const request = { kind: 'write-layer', directory: made.directory, diffId: facts.diffId, output, ...form } as const;
  await orForgetDamaged(made, store, () => client.request(request, { signal }));
  await copyFile(join(made.directory, snapshotFiles.index), join(directory, snapshotFiles.index));
  await store.snapshots.commit(directory, { chainId: chainIdOf(parent, facts.diffId), parent, facts });
  return facts;
}

/** Takes a layer over that was made with other ids, by its tar: its folder has other owners on disk than it should have here. */
export async function takenOver(
  record: StepRecord,
  parent: Digest | undefined,
  solving: Takeover,
): Promise<LayerFacts | undefined> {
  try {
    return await layerOnBase(record, parent, solving);
  } catch (error) {
    if (!isOfOtherIds(error)) throw error;
    const { store } = solving;
    throw new StoreError('permission', 'Cannot use a layer of the store: its files belong to user ids that you do not have now', {
      path: store.layout.snapshots,
      hint: 'Build the image again, or use the ids that it was built with: "tsbuild doctor" tells what you have',
    });
  }
}
