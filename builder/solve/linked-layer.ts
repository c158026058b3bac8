import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepRecord } from '../../cache/step-records.ts';
import { snapshotFiles } from '../../cache/store-layout.ts';
import type { LayerFacts } from '../../executor/protocol/actions.ts';
import { chainIdOf, type Digest } from '../../registry/oci/digest.ts';
import type { Solving } from './solving.ts';

/**
 * Takes the layer of a COPY --link over to another base than the one that it was made on, as its tar: it holds nothing of what is below. What
 * the copy takes its files from is not needed. undefined when the store has lost the layer.
 */
export async function layerOnBase(
  record: StepRecord,
  parent: Digest | undefined,
  { store, worker, signal }: Pick<Solving, 'store' | 'worker' | 'signal'>,
): Promise<LayerFacts | undefined> {
  const { facts } = record;
  const made = await store.snapshots.get(record.chainId);
  if (made === undefined) return undefined;
  const directory = await store.snapshots.prepare();
  const client = await worker.get();
  const request = { kind: 'write-layer', directory: made.directory, compression: { kind: 'none' }, epoch: undefined } as const;
  const { digest } = await client.request({ ...request, output: join(directory, snapshotFiles.packed) }, { signal });
  if (digest !== facts.diffId) return undefined;
  await copyFile(join(made.directory, snapshotFiles.index), join(directory, snapshotFiles.index));
  await store.snapshots.commit(directory, { chainId: chainIdOf(parent, facts.diffId), parent, facts });
  return facts;
}
