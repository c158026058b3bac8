import pLimit from 'p-limit';
import type { Store } from '../../cache/store.ts';
import type { Lowers } from '../../executor/protocol/actions.ts';
import type { LayerCompression, LayerEpoch, WorkerResults } from '../../executor/protocol/messages.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { type Digest, shortDigest } from '../../registry/oci/digest.ts';
import { layerFormatOf } from '../../registry/oci/layer-format.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import type { LazyWorker } from '../session/lazy-worker.ts';
import type { OnProgress, RootFolders } from './root-folders.ts';
import { chainIdOfRoot, type LayerRef, type RootState } from './root-state.ts';
import { lostLayer, orForgetBlob, orForgetDamaged } from './verify-layers.ts';

/** A layer as the image names it. */
export interface LayerBlob {
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
}

export interface LayerForm {
  readonly compression: LayerCompression;
  /** Layers of base images get that compression too, where they have another one. */
  readonly isForced: boolean;
  /** Layers of this build are only named, unless there is an epoch; no blob is written. */
  readonly isStoreOnly: boolean;
  /** Seconds since the epoch: what T0 and later become. Layers of base images keep their times. */
  readonly epoch: number | undefined;
}

interface BlobServices {
  readonly store: Store;
  readonly worker: LazyWorker;
  readonly folders: RootFolders;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** How many layers are compressed at the same time. Large ones use every processor by themselves. */
const parallelLayers = 2;

/**
 * The blobs of an image's layers, lowest first. Layers of a base image stay as they came and are not fetched for this, unless they are to be
 * compressed in another way; layers of this build are made from their snapshots. What was done before is not done again.
 */
export async function layerBlobs(
  layers: readonly LayerRef[],
  form: LayerForm,
  making: BlobServices,
): Promise<readonly LayerBlob[]> {
  const limit = pLimit(parallelLayers);
  return Promise.all(
    layers.map(async (layer, index) => {
      if (layer.kind === 'built') {
        const root = { layers: layers.slice(0, index + 1) };
        const epoch = layer.isOfBase === true ? undefined : form.epoch;
        return limit(() => builtBlob({ layer, root }, { ...form, epoch }, making));
      }
      if (needsConversion(layer, form)) return limit(() => convertedBlob(layer, form, making));
      return { diffId: layer.diffId, descriptor: layer.descriptor };
    }),
  );
}

type ForeignLayerRef = Extract<LayerRef, { kind: 'foreign' }>;

/** As BuildKit's force-compression: the kind counts, not the level. What may not be given away stays what it is. */
function needsConversion({ descriptor }: ForeignLayerRef, { compression, isForced }: LayerForm): boolean {
  const format = layerFormatOf(descriptor.mediaType);
  return isForced && format !== undefined && !format.isForeign && format.compression !== compression.kind;
}

async function convertedBlob(layer: ForeignLayerRef, { compression }: LayerForm, making: BlobServices): Promise<LayerBlob> {
  const { store, worker, signal } = making;
  const { diffId, descriptor, blobs } = layer;
  // Apart from layers of this build: a record of a plain tar says that its snapshot can make it.
  const variant = `converted-${compressionName(compression)}`;
  const known = await store.layers.get(diffId, variant);
  if (known !== undefined) return known;
  return kept({ diffId, variant, compression, sizeBytes: descriptor.size }, making, async (output) => {
    const blob = await store.blobs.fetch(descriptor, blobs, { signal });
    const client = await worker.get();
    const request = { kind: 'convert-layer', blob, diffId, output, compression } as const;
    return orForgetBlob(descriptor.digest, making, () => client.request(request, { signal }));
  });
}

/** A layer that was made here, and the root file system that it is the top of. */
interface BuiltLayer {
  readonly layer: Extract<LayerRef, { kind: 'built' }>;
  readonly root: RootState;
}

async function builtBlob(built: BuiltLayer, form: LayerForm, making: BlobServices): Promise<LayerBlob> {
  const { layer } = built;
  const { store, signal } = making;
  signal.throwIfAborted();
  const variant = variantOf(form, built.root);
  const { diffId, sizeBytes } = layer.facts;
  if (form.isStoreOnly && form.epoch === undefined) {
    return { diffId, descriptor: { mediaType: mediaType.layer, digest: diffId, size: sizeBytes } };
  }
  return (await store.layers.get(diffId, variant)) ?? (await writeBlob(built, { form, variant, making }));
}

async function writeBlob(
  { layer, root }: BuiltLayer,
  { form, variant, making }: { readonly form: LayerForm; readonly variant: string; readonly making: BlobServices },
): Promise<LayerBlob> {
  const { store, worker, folders, signal, onProgress } = making;
  // A packed layer has its times in it.
  const lowers = form.epoch === undefined ? [] : await folders.lowersOf(root, { signal, onProgress });
  const snapshot = await store.snapshots.withAnyIds(layer.chainId);
  if (snapshot === undefined) throw lostLayer(layer.facts.diffId, store.layout.snapshot(layer.chainId));
  const { compression } = form;
  const epoch = epochOf(form.epoch, { root, lowers });
  const { directory, facts } = snapshot;
  return kept({ ...layer.facts, variant, compression }, making, async (output) => {
    const client = await worker.get();
    const request = { kind: 'write-layer', directory, diffId: facts.diffId, output, compression, epoch } as const;
    return orForgetDamaged(snapshot, store, () => client.request(request, { signal }));
  });
}

/** The layers of a base image come first, and keep their times. */
function epochOf(
  seconds: number | undefined,
  { root, lowers }: { readonly root: RootState; readonly lowers: Lowers },
): LayerEpoch | undefined {
  if (seconds === undefined) return undefined;
  const base = baseLayersOf(root);
  return { seconds, base: lowers.slice(0, base), below: lowers.slice(base, -1) };
}

function baseLayersOf({ layers }: RootState): number {
  return layers.filter((layer) => layer.kind === 'foreign' || layer.isOfBase === true).length;
}

/** A blob that is to be made, and the size of what it is made of, which progress counts. */
interface WantedBlob {
  readonly diffId: Digest;
  readonly variant: string;
  readonly compression: LayerCompression;
  readonly sizeBytes: number;
}

/** The file that the worker writes becomes a blob of the store, and is found again under its variant. */
async function kept(
  { diffId, variant, compression, sizeBytes }: WantedBlob,
  { store, onProgress }: BlobServices,
  write: (output: string) => Promise<WorkerResults['write-layer']>,
): Promise<LayerBlob> {
  const what = `layer ${shortDigest(diffId)}`;
  onProgress(what, 0, sizeBytes);
  const output = await store.newPath();
  const made = await write(output);
  await store.blobs.adopt(output, made.digest);
  const blob = { diffId: made.diffId, descriptor: { mediaType: typeOf(compression), digest: made.digest, size: made.sizeBytes } };
  await store.layers.put(diffId, variant, blob);
  onProgress(what, sizeBytes, sizeBytes);
  return blob;
}

/** What leaves at an epoch can tell the times of files below, so it is a variant on one chain. */
function variantOf({ compression, epoch }: LayerForm, root: RootState): string {
  const name = compressionName(compression);
  if (epoch === undefined) return name;
  const chain = chainIdOfRoot(root)?.slice('sha256:'.length) ?? '';
  return `${name}.epoch-${epoch}.${chain}-${baseLayersOf(root)}`;
}

function compressionName(compression: LayerCompression): string {
  return compression.kind === 'none' ? 'none' : `${compression.kind}-${compression.level}`;
}

function typeOf({ kind }: LayerCompression): string {
  switch (kind) {
    case 'none':
      return mediaType.layer;
    case 'gzip':
      return mediaType.layerGzip;
    case 'zstd':
      return mediaType.layerZstd;
    default:
      return unreachable(kind);
  }
}
