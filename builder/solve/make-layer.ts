import { existsSync } from 'node:fs';
import path from 'node:path';
import { forgetSnapshot } from '../../cache/forget.ts';
import type { Snapshot } from '../../cache/snapshots/snapshot-store.ts';
import type { Store } from '../../cache/store.ts';
import type { RequestOptions } from '../../executor/host/worker-client.ts';
import type { CopyAction, CopyGroup } from '../../executor/protocol/actions.ts';
import type { WorkerRequest } from '../../executor/protocol/messages.ts';
import { chainIdOf, type Digest } from '../../registry/oci/digest.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import type { PackedBlob } from '../layers/layer-blobs.ts';
import { damageOf } from '../layers/verify-layers.ts';
import type { LazyWorker } from '../session/lazy-worker.ts';

type StepRequest = Extract<WorkerRequest, { readonly kind: 'step' }>;

/** A layer that is to be made: by which action, on top of what. */
export interface WantedLayer extends Pick<StepRequest, 'action' | 'lowers' | 'mayPack'> {
  /** The ChainID of what is below. */
  readonly parent: Digest | undefined;
  /** What the layer leaves as, when it can be packed. */
  readonly blob?: PackedBlob | undefined;
  readonly onOutput?: RequestOptions['onOutput'];
  readonly onUsage?: RequestOptions['onUsage'];
}

/** What making a layer needs. */
export interface LayerServices {
  readonly store: Store;
  readonly worker: LazyWorker;
  readonly buildStartNs: () => Promise<string>;
  readonly signal: AbortSignal;
}

/** A layer that was made, as it is in the store. */
export interface MadeLayer {
  readonly facts: LayerFacts;
  readonly snapshot: Snapshot;
}

/**
 * Has the worker make a layer, and keeps it. Nothing half-made is left.
 *
 * @throws ExecutorError, StoreError
 */
export async function makeLayer(wanted: WantedLayer, services: LayerServices): Promise<MadeLayer> {
  const { parent, onOutput, onUsage, blob, ...step } = wanted;
  const { store, worker, signal } = services;
  const [client, directory, buildStartNs] = await Promise.all([worker.get(), store.snapshots.prepare(), services.buildStartNs()]);
  const { blob: written, ...facts } = await client.request(
    { kind: 'step', ...step, blob: blob?.files, directory, buildStartNs },
    { signal, ...(onOutput && { onOutput }), ...(onUsage && { onUsage }) },
  );
  const chainId = chainIdOf(parent, facts.diffId);
  await forgetIfDamaged(chainId, services);
  const snapshot = await store.snapshots.commit(directory, { chainId, parent, facts });
  await blob?.keep({ ...facts, ...(written && { blob: written }) });
  // The layer was there already. The new files may have owners that only the worker can remove.
  if (snapshot.directory !== directory && existsSync(directory)) await client.request(removalOf(directory));
  return { facts, snapshot };
}

/** Copies of whole trees to the root, with the owners and modes that they have. */
export function wholeCopy(groups: readonly CopyGroup[], time: CopyAction['time']): CopyAction {
  return { kind: 'copy', groups, destination: '/', owner: undefined, mode: undefined, isLink: false, time };
}

/** A result that is at hand takes the place of one that is damaged. */
async function forgetIfDamaged(chainId: Digest, services: LayerServices): Promise<void> {
  const existing = await services.store.snapshots.get(chainId);
  if (existing !== undefined && (await damageOf(existing, services)) !== undefined) {
    await forgetSnapshot(services.store, existing);
  }
}

/** For a folder of this build's session. */
function removalOf(directory: string): Extract<WorkerRequest, { readonly kind: 'remove' }> {
  return { kind: 'remove', folder: path.dirname(directory), names: [path.basename(directory)] };
}
