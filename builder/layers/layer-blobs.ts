import type { Store } from '../../cache/store.ts';
import type { Lowers } from '../../executor/protocol/actions.ts';
import type {
  LayerCompression,
  LayerEpoch,
  MemberFiles,
  PackedBlobFiles,
  StepResult,
  WorkerResults,
} from '../../executor/protocol/messages.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { type Digest, shortDigest } from '../../registry/oci/digest.ts';
import { layerFormatOf } from '../../registry/oci/layer-format.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import type { LayoutNumber } from '../contract/layouts.ts';
import type { LazyWorker } from '../session/lazy-worker.ts';
import { BegunBlobs } from './begun-blobs.ts';
import type { OnProgress, RootFolders } from './root-folders.ts';
import { chainIdOfRoot, type LayerRef, type RootState } from './root-state.ts';
import { lostLayer, orForgetBlob, orForgetDamaged } from './verify-layers.ts';

/** A layer as the image names it. */
export interface LayerBlob {
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
}

export interface LayerForm {
  /** Whose rules make blobs. `compression` follows from them. */
  readonly layout: LayoutNumber;
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
  readonly begun: BegunBlobs;
}

/** What making blobs needs. */
export interface LayerBlobServices extends Omit<BlobServices, 'begun'> {
  /** Those that this build has begun before. */
  readonly begun?: BegunBlobs;
}

/**
 * The blobs of an image's layers, lowest first. Layers of a base image stay as they came and are not fetched for this, unless they are to be
 * compressed in another way; layers of this build are made from their snapshots. What was done before is not done again.
 */
export async function layerBlobs(
  layers: readonly LayerRef[],
  form: LayerForm,
  making: LayerBlobServices,
): Promise<readonly LayerBlob[]> {
  const { begun = new BegunBlobs() } = making;
  return Promise.all(
    layers.map((layer, index) => blobOf(layer, { layers: layers.slice(0, index + 1) }, { form, making: { ...making, begun } })),
  );
}

/** The blob of the uppermost layer of a root file system: the one that layerBlobs() gives for it, whatever is put on top of it later. */
export async function topLayerBlob(root: RootState, form: LayerForm, making: BlobServices): Promise<LayerBlob> {
  const layer = root.layers.at(-1);
  if (layer === undefined) throw new Error('an empty file system has no layer');
  return blobOf(layer, root, { form, making });
}

interface BlobTask {
  readonly form: LayerForm;
  readonly making: BlobServices;
}

/** `root` is what the layer is the top of. */
async function blobOf(layer: LayerRef, root: RootState, { form, making }: BlobTask): Promise<LayerBlob> {
  if (layer.kind === 'built') {
    const epoch = layer.isOfBase === true ? undefined : form.epoch;
    return builtBlob({ layer, root }, { ...form, epoch }, making);
  }
  if (needsConversion(layer, form)) return convertedBlob(layer, form, making);
  return { diffId: layer.diffId, descriptor: layer.descriptor };
}

type ForeignLayerRef = Extract<LayerRef, { kind: 'foreign' }>;

/** As BuildKit's force-compression: the kind counts, not the level. What may not be given away stays what it is. */
function needsConversion({ descriptor }: ForeignLayerRef, { compression, isForced }: LayerForm): boolean {
  const format = layerFormatOf(descriptor.mediaType);
  return isForced && format !== undefined && !format.isForeign && format.compression !== compression.kind;
}

async function convertedBlob(layer: ForeignLayerRef, form: LayerForm, making: BlobServices): Promise<LayerBlob> {
  const { store, worker, signal, begun } = making;
  const { diffId, descriptor, blobs } = layer;
  const { compression } = form;
  // Apart from layers of this build: a record of a plain tar says that its snapshot can make it.
  const variant = `converted-${blobName(form)}`;
  return onceKept({ diffId, variant, compression, sizeBytes: descriptor.size }, making, async ({ output, members }) => {
    const blob = await store.blobs.fetch(descriptor, blobs, { signal });
    const client = await worker.get();
    const { isInBackground } = begun;
    const request = { kind: 'convert-layer', blob, diffId, output, compression, isInBackground, members } as const;
    const convert = (): Promise<WorkerResults['convert-layer']> => client.request(request, { signal });
    return inItsPlace(begun, convert, (work) => orForgetBlob(descriptor.digest, making, work));
  });
}

/** A layer that was made here, and the root file system that it is the top of. */
interface BuiltLayer {
  readonly layer: Extract<LayerRef, { kind: 'built' }>;
  readonly root: RootState;
}

async function builtBlob(built: BuiltLayer, form: LayerForm, making: BlobServices): Promise<LayerBlob> {
  const { layer } = built;
  making.signal.throwIfAborted();
  const variant = variantOf(form, built.root);
  const { diffId, sizeBytes } = layer.facts;
  if (form.isStoreOnly && form.epoch === undefined) {
    return { diffId, descriptor: { mediaType: mediaType.layer, digest: diffId, size: sizeBytes } };
  }
  const { compression } = form;
  return onceKept({ diffId, sizeBytes, variant, compression }, making, (files) => writeBlob(built, files, { form, making }));
}

async function writeBlob(
  { layer, root }: BuiltLayer,
  { output, members }: BlobFiles,
  { form, making }: BlobTask,
): Promise<WorkerResults['write-layer']> {
  const { store, worker, folders, signal, onProgress, begun } = making;
  // A packed layer has its times in it.
  const lowers = form.epoch === undefined ? [] : await folders.lowersOf(root, { signal, onProgress });
  const snapshot = await store.snapshots.withAnyIds(layer.chainId);
  if (snapshot === undefined) throw lostLayer(layer.facts.diffId, store.layout.snapshot(layer.chainId));
  const { compression } = form;
  const epoch = epochOf(form.epoch, { root, lowers });
  const { directory, facts } = snapshot;
  const client = await worker.get();
  const { isInBackground } = begun;
  const request = {
    kind: 'write-layer',
    directory,
    diffId: facts.diffId,
    output,
    compression,
    epoch,
    isInBackground,
    members,
  } as const;
  const write = (): Promise<WorkerResults['write-layer']> => client.request(request, { signal });
  return inItsPlace(begun, write, (work) => orForgetDamaged(snapshot, store, work));
}

/** Nothing is removed from under steps that still run: what is damaged is found again when they are done. */
async function inItsPlace<T>(
  begun: BegunBlobs,
  work: () => Promise<T>,
  orForget: (work: () => Promise<T>) => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (begun.isInBackground) throw error;
    return orForget(() => Promise.reject(error));
  }
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

type Write = (files: BlobFiles) => Promise<WorkerResults['write-layer']>;

/** The blob of that variant, which the store may have; else it is made once, whoever asks for it meanwhile. */
function onceKept(wanted: WantedBlob, making: BlobServices, write: Write): Promise<LayerBlob> {
  const { diffId, variant } = wanted;
  const { store, begun, signal } = making;
  return begun.once(blobKey(diffId, variant), async () => {
    const known = await store.layers.get(diffId, variant);
    if (known !== undefined) return known;
    return begun.write(async () => {
      signal.throwIfAborted();
      return kept(wanted, making, write);
    });
  });
}

/** What BegunBlobs knows a blob by. */
function blobKey(diffId: Digest, variant: string): string {
  return `${diffId} ${variant}`;
}

/** A layer that is compressed while a step makes it. */
export interface PackedBlob {
  /** Where the worker writes it. */
  readonly files: PackedBlobFiles;
  /** Takes what the worker wrote into the store, where it is the blob of the layer in that form. */
  readonly keep: (made: Pick<StepResult, 'diffId' | 'sizeBytes' | 'blob'>) => Promise<void>;
}

/** Has a step compress the layer on top of `root` in the first of the forms that is made of files as they are; undefined when none is. */
export async function packedBlob(
  forms: readonly LayerForm[],
  { root, store, begun }: Pick<BlobServices, 'store' | 'begun'> & { readonly root: RootState },
): Promise<PackedBlob | undefined> {
  const form = forms.find(
    ({ compression: { kind }, isStoreOnly, epoch }) => kind !== 'none' && !isStoreOnly && epoch === undefined,
  );
  if (form === undefined || form.compression.kind === 'none') return undefined;
  const { compression } = form;
  const [output, membersOutput, known] = await Promise.all([store.newPath(), store.newPath(), store.members.newest()]);
  const files = { output, compression, members: { known, output: membersOutput } };
  return {
    files,
    keep: async ({ diffId, sizeBytes, blob }) => {
      if (blob === undefined) return;
      const members = sizeBytes < smallestWithMembers ? undefined : files.members;
      const variant = variantOf(form, root);
      // Its record is not seen before the next sync.
      await begun.once(blobKey(diffId, variant), () =>
        adopt({ ...blob, diffId }, { output, members }, { diffId, variant, compression, store }),
      );
    },
  };
}

/** The file that the worker writes becomes a blob of the store, and is found again under its variant. */
async function kept(
  { diffId, variant, compression, sizeBytes }: WantedBlob,
  { store, onProgress }: BlobServices,
  write: Write,
): Promise<LayerBlob> {
  const what = `layer ${shortDigest(diffId)}`;
  onProgress(what, 0, sizeBytes);
  const output = await store.newPath();
  const members = await memberFiles({ compression, sizeBytes }, store);
  const made = await write({ output, members });
  const blob = await adopt(made, { output, members }, { diffId, variant, compression, store });
  onProgress(what, sizeBytes, sizeBytes);
  return blob;
}

async function adopt(
  made: WorkerResults['write-layer'],
  { output, members }: BlobFiles,
  { diffId, variant, compression, store }: Omit<WantedBlob, 'sizeBytes'> & { readonly store: Store },
): Promise<LayerBlob> {
  await store.blobs.adopt(output, made.digest);
  if (members !== undefined) await store.members.adopt(members.output, made.digest);
  const blob = { diffId: made.diffId, descriptor: { mediaType: typeOf(compression), digest: made.digest, size: made.sizeBytes } };
  await store.layers.put(diffId, variant, blob);
  return blob;
}

/** What the worker is to write, and what it may use for that. */
interface BlobFiles {
  readonly output: string;
  readonly members: MemberFiles | undefined;
}

/** Compressing what is smaller takes less time than looking for what was compressed before. */
const smallestWithMembers = 8 << 20;

async function memberFiles(
  { compression, sizeBytes }: Pick<WantedBlob, 'compression' | 'sizeBytes'>,
  store: Store,
): Promise<MemberFiles | undefined> {
  if (compression.kind === 'none' || sizeBytes < smallestWithMembers) return undefined;
  return { known: await store.members.newest(), output: await store.newPath() };
}

/** What leaves at an epoch can tell the times of files below, so it is a variant on one chain. Its tar is made by rules of the layout, too. */
function variantOf({ layout, compression, epoch }: LayerForm, root: RootState): string {
  if (epoch === undefined) return blobName({ layout, compression });
  const chain = chainIdOfRoot(root)?.slice('sha256:'.length) ?? '';
  return `${compressionName(compression)}.layout-${layout}.epoch-${epoch}.${chain}-${baseLayersOf(root)}`;
}

/** A plain tar is what its digest says, in every layout; how it is compressed is up to the layout. */
function blobName({ layout, compression }: Pick<LayerForm, 'layout' | 'compression'>): string {
  const name = compressionName(compression);
  return compression.kind === 'none' ? name : `${name}.layout-${layout}`;
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
