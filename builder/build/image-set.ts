import type { Store } from '../../cache/store.ts';
import { decodeManifest } from '../../registry/oci/decode.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { type Digest, shortDigest } from '../../registry/oci/digest.ts';
import type { PushBlob, PushImage } from '../../registry/push.ts';
import { annotationsAt } from '../image/annotations.ts';
import type { BuiltImage, BuiltManifest } from '../image/built-image.ts';
import type { ImageForm } from '../image/image-form.ts';
import { makeIndex } from '../image/make-manifest.ts';
import type { OnProgress } from '../layers/root-folders.ts';
import type { LayerRef } from '../layers/root-state.ts';
import type { MadeImage } from './make-image.ts';

/** What a build made in one form: one image, or an index of several platforms. */
export interface ImageSet {
  readonly images: readonly MadeImage[];
  readonly index: { readonly descriptor: Descriptor; readonly bytes: Uint8Array } | undefined;
  /** Of the index, or of the only manifest. */
  readonly descriptor: Descriptor;
}

/** Puts the images of several platforms under one index; a single image stands for itself, unless an index is wanted. */
export function imageSet(images: readonly MadeImage[], form: ImageForm, isIndex: boolean): ImageSet {
  const [only] = images;
  if (only === undefined) throw new Error('a build made no image');
  if (!isIndex) return { images, index: undefined, descriptor: only.manifest.descriptor };
  const entries = images.map(({ manifest, platform }) => ({ descriptor: manifest.descriptor, platform }));
  const index = makeIndex(entries, { format: form.format, annotations: annotationsAt(form.annotations, 'index') });
  const annotations = annotationsAt(form.annotations, 'index-descriptor');
  const descriptor = { ...index.descriptor, ...(annotations && { annotations }) };
  return { images, index: { ...index, descriptor }, descriptor };
}

interface Fetching {
  readonly store: Store;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** What is there is read and compared with its digest; called for each blob that is fetched again. */
  readonly onDamage?: ((digest: Digest) => void) | undefined;
}

/** Fetches the layers of base images that nobody needed so far, since the image is to be complete. */
export async function fetchBaseBlobs({ images }: ImageSet, { store, signal, onProgress, onDamage }: Fetching): Promise<void> {
  const layers = new Map(
    images
      .flatMap(({ root, layers: made }) => root.layers.filter(isForeign).filter((layer) => made.some(isBlobOf(layer))))
      .map((layer) => [layer.descriptor.digest, layer]),
  );
  await Promise.all(
    [...layers.values()].map(({ descriptor, blobs }) =>
      store.blobs.fetch(descriptor, blobs, {
        signal,
        onDamage,
        onProgress: (done) => onProgress(shortDigest(descriptor.digest), done, descriptor.size),
      }),
    ),
  );
}

/** The image as files in the store, for archives and folders. Its blobs must be there. */
export function builtImage(set: ImageSet, names: readonly string[], store: Store): BuiltImage {
  const manifests = set.images.map((image) => builtManifest(image, store));
  const [only] = manifests;
  if (set.index === undefined && only !== undefined) return { ...only, names };
  const { index } = set;
  if (index === undefined) throw new Error('an image set is empty');
  return { descriptor: index.descriptor, manifestBytes: index.bytes, names, platforms: manifests };
}

const largePieces: number = 1 << 20;

function builtManifest({ manifest, config, platform }: MadeImage, store: Store): BuiltManifest {
  const { layers } = decodeManifest(manifest.bytes, manifest.descriptor.mediaType);
  return {
    descriptor: { ...manifest.descriptor, platform },
    manifestBytes: manifest.bytes,
    configDescriptor: config.descriptor,
    configBytes: config.bytes,
    layers: layers.map((descriptor) => ({ descriptor, read: () => store.blobs.read(descriptor, largePieces) })),
  };
}

/** The image as a registry client takes it: base layers stream from where they are, or are mounted. */
export function pushParts(
  { manifest, config, root }: MadeImage,
  { store, signal }: Pick<Fetching, 'store' | 'signal'>,
): PushImage {
  const { layers, mediaType } = decodeManifest(manifest.bytes, manifest.descriptor.mediaType);
  return {
    manifestBytes: manifest.bytes,
    mediaType,
    configBytes: config.bytes,
    layers: layers.map((descriptor, index) => pushBlob(descriptor, root.layers[index], { store, signal })),
  };
}

function pushBlob(
  descriptor: Descriptor,
  layer: LayerRef | undefined,
  { store, signal }: Pick<Fetching, 'store' | 'signal'>,
): PushBlob {
  const source = layer?.kind === 'foreign' && isBlobOf(layer)(descriptor) ? layer.blobs : undefined;
  return {
    descriptor,
    origin: source?.origin,
    open: async () => {
      if (source === undefined || (await store.blobs.has(descriptor.digest))) return store.blobs.read(descriptor);
      return (await source.open(descriptor, { signal })).bytes;
    },
  };
}

/** A layer that was compressed anew is a blob of this build. */
function isBlobOf(layer: Extract<LayerRef, { kind: 'foreign' }>): (descriptor: Descriptor) => boolean {
  return ({ digest }) => digest === layer.descriptor.digest;
}

function isForeign(layer: LayerRef): layer is Extract<LayerRef, { kind: 'foreign' }> {
  return layer.kind === 'foreign';
}
