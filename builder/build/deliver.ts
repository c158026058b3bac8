import path from 'node:path';
import type { Store } from '../../cache/store.ts';
import { ExecutorError } from '../../executor/host/errors.ts';
import type { ExportedTree } from '../../executor/protocol/messages.ts';
import { fullName } from '../../registry/address/reference.ts';

import { formatPlatform, type Platform } from '../../registry/oci/platform.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import type { BegunPush } from '../../registry/push.ts';
import type { ImageLookup } from '../bases/image-lookup.ts';
import { OutputError } from '../contract/errors.ts';
import type { BuildEvent } from '../contract/events.ts';
import type { OnProgress, RootFolders } from '../layers/root-folders.ts';
import type { RootState } from '../layers/root-state.ts';
import { fetchLayers, keepImage } from '../places/keep-image.ts';
import type { Plan } from '../plan/model/plan.ts';
import type { LazyWorker } from '../session/lazy-worker.ts';
import type { OutputSettings, Settings } from '../settings/settings.ts';
import type { ImageSet } from './image-set.ts';
import { epochOf } from './outputs.ts';

/** Where an output went. */
export type Delivery = Pick<Extract<BuildEvent, { kind: 'exported' }>, 'manifest' | 'how' | 'to'>;

/** What delivering an output needs. */
export interface DeliveryServices {
  readonly options: Settings;
  readonly store: Store;
  readonly worker: LazyWorker;
  readonly folders: RootFolders;
  readonly lookup: ImageLookup;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** What has been sent to a name while the image was built. */
  readonly begunPush: (name: string) => Promise<BegunPush | undefined>;
  /** The image in the form that the output wants. */
  readonly imageFor: (output: OutputSettings) => Promise<ImageSet>;
  /** The finished file system of each platform. */
  readonly roots: readonly { readonly plan: Plan; readonly root: RootState }[];
  readonly onExported: (exported: Delivery) => void;
  /** What people should know. */
  readonly onNotice: (message: string) => void;
}

/** Writes one output. @throws UsageError, OutputError, or what the registry, the store or the worker throws; nothing half is left */
export async function deliver(output: OutputSettings, delivering: DeliveryServices): Promise<void> {
  switch (output.kind) {
    case 'oci':
    case 'docker':
      return writeArchive(output, delivering);
    case 'local':
    case 'tar':
      return writeTree(output, delivering);
    case 'registry':
      return push(output, delivering);
    case 'image':
      await keep(output, delivering);
      return output.push ? push(output, delivering) : undefined;
    case 'none':
      return;
    default:
      return unreachable(output);
  }
}

async function writeArchive(
  output: Extract<OutputSettings, { kind: 'oci' | 'docker' }>,
  delivering: DeliveryServices,
): Promise<void> {
  const { store, signal, options, onProgress } = delivering;
  const set = await delivering.imageFor(output);
  // What leaves is read anyway.
  await fetchLayers(set, store.blobs, { signal, onProgress });
  const { exportImage } = await import('../export/export-image.ts');
  const { builtImage } = await import('../places/write-files.ts');
  const names = (output.image.names ?? options.tags ?? []).map(fullName);
  const image = builtImage(set, { descriptor: set.descriptor, names }, { blobs: store.blobs, isTemporary: false });
  await exportImage(image, output, { stdout: options.stdout, signal });
  delivering.onExported({ manifest: set.descriptor.digest, how: 'written', to: output.destination });
}

async function writeTree(
  output: Extract<OutputSettings, { kind: 'local' | 'tar' }>,
  delivering: DeliveryServices,
): Promise<void> {
  const { store, signal, options } = delivering;
  const { exportTree } = await import('../export/export-tree.ts');
  await store.hold();
  await exportTree(output, {
    write: (form, target) => writeRoots(output, { form, target }, delivering),
    temporaryFolder: path.dirname(await store.newPath()),
    stdout: options.stdout,
    signal,
  });
  delivering.onExported({ how: 'written', to: output.destination });
}

async function writeRoots(
  { platformSplit, destination, sourceDateEpoch }: Extract<OutputSettings, { kind: 'local' | 'tar' }>,
  { form, target }: { readonly form: 'directory' | 'tar'; readonly target: string },
  { options, roots, folders, worker, signal, onProgress }: DeliveryServices,
): Promise<void> {
  const isSplit = platformSplit ?? options.isMultiPlatform;
  const trees: ExportedTree[] = [];
  for (const { plan, root } of roots) {
    const lowers = await folders.wholeLowersOf(root, { signal, onProgress });
    const platform = formatPlatform(plan.platform);
    const folder = isSplit ? folderOf(plan.platform) : undefined;
    trees.push({ lowers, epoch: epochOf(plan, sourceDateEpoch), platform, folder });
  }
  const client = await worker.get();
  try {
    await client.request({ kind: 'export-tree', trees, form, path: target }, { signal });
  } catch (error) {
    throw outputErrorOf(error, destination);
  }
}

/** What the worker could not write as an OutputError; anything else unchanged. */
function outputErrorOf(error: unknown, destination: string): unknown {
  if (!(error instanceof ExecutorError) || error.failure.kind !== 'refused') return error;
  const { message, failure } = error;
  // Two platforms have one file, which is neither a step's fault nor the machine's.
  if (failure.code === 'not-supported') return new OutputError(destination, message, { hint: failure.hint, cause: error });
  // On its way to standard output it is in the store for a while.
  if (failure.code !== 'disk-full' || destination === '-') return error;
  const hint = 'Free some space, or write to another disk';
  return new OutputError(destination, `Cannot write "${destination}": no space left on device`, { hint, cause: error });
}

/** `linux_arm_v7`: what docker buildx calls the folder of one of several platforms. */
function folderOf(platform: Platform): string {
  return formatPlatform(platform).replaceAll('/', '_');
}

async function keep(output: Extract<OutputSettings, { kind: 'image' }>, delivering: DeliveryServices): Promise<void> {
  const { store, signal, onProgress } = delivering;
  const set = await delivering.imageFor(output);
  if (output.names.length === 0) return;
  // What leaves is read anyway; what stays is looked at when somebody wants that.
  const onNotice = delivering.options.pull === 'always' ? delivering.onNotice : undefined;
  await keepImage(set, output.names.map(fullName), { store, signal, onProgress, onNotice });
  // What is pushed as well is told of once, when it has arrived.
  if (output.push) return;
  for (const name of new Set(output.names)) delivering.onExported({ manifest: set.descriptor.digest, how: 'kept', to: name });
}

async function push(
  output: Extract<OutputSettings, { kind: 'image' | 'registry' }>,
  delivering: DeliveryServices,
): Promise<void> {
  const { store, signal, lookup } = delivering;
  const set = await delivering.imageFor(output);
  const { pushWhole } = await import('../places/push-image.ts');
  const onProgress: OnProgress = (what, ...progress) => delivering.onProgress(`push ${what}`, ...progress);
  for (const name of new Set(output.names)) {
    await pushWhole(set, name, { store, signal, onProgress, client: () => lookup.client(), begun: delivering.begunPush });
    delivering.onExported({ manifest: set.descriptor.digest, how: 'pushed', to: name });
  }
}
