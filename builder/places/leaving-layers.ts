import type { Store } from '../../cache/store.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { BlobSource, LocalLayer } from '../../registry/oci/image-source.ts';
import { layerFormatOf } from '../../registry/oci/layer-format.ts';
import { storeBlobs } from '../bases/image-lookup.ts';
import { annotatedLayout, defaultLayout, type LayoutNumber } from '../contract/layouts.ts';
import { dockerZstd, layerCompressionOf, type WantedCompression } from '../image/image-form.ts';
import { layerTypeOf } from '../image/media-types.ts';
import { formatOf, indexAround, withManifest } from '../image/new-documents.ts';
import type { ImageParts, WholeImage } from '../image/whole-image.ts';
import { type LayerForm, layerBlobs } from '../layers/layer-blobs.ts';
import { rootOfImage } from '../layers/root-state.ts';
import type { ImageSession } from './image-session.ts';

/** How layers are compressed when an image leaves the place where it is. */
export interface LeavingForm {
  readonly wanted: WantedCompression;
  /** Default: that of the image, else the newest. */
  readonly layout: LayoutNumber | undefined;
  /** Layers that are blobs already get that compression too, where they have another one. */
  readonly isForced: boolean;
}

/**
 * The image with blobs for the layers that are none yet, and for those that are to be compressed in another way, under a new manifest around
 * the same configuration; the same image when there are no such layers. What is no image stays as it is.
 */
export async function withLeavingLayers(
  parts: ImageParts & { readonly localLayers?: ReadonlyMap<Digest, LocalLayer> },
  leaving: LeavingForm,
  session: ImageSession,
): Promise<ImageParts> {
  const { config, manifest, descriptor, blobs, localLayers } = parts;
  const isImage = config !== undefined && manifest.layers.every(({ mediaType }) => layerFormatOf(mediaType) !== undefined);
  if (!isImage) return parts;
  const root = rootOfImage({ reference: descriptor.digest, manifest, config, blobs, ...(localLayers && { localLayers }) });
  const isOurs = root.layers.some(({ kind }) => kind === 'built');
  if (!isOurs && !leaving.isForced) return parts;
  const layout = leaving.layout ?? annotatedLayout(manifest.annotations) ?? defaultLayout;
  const made = await layerBlobs(root.layers, layerForm(leaving, layout), session);
  const layers = made.map((layer) => layer.descriptor);
  const isSame = layers.every(({ digest }, index) => digest === manifest.layers[index]?.digest);
  if (isSame) return isOurs ? { ...parts, layout } : parts;
  return { ...withManifest({ ...parts, layout }, layers, formatOf(manifest.mediaType)), blobs: storeOr(blobs, session.store) };
}

function layerForm({ wanted, isForced }: LeavingForm, layout: LayoutNumber): LayerForm {
  const compression = layerCompressionOf(wanted, layout, '--compression-level');
  return { layout, compression, isForced, isStoreOnly: false, epoch: undefined };
}

/** An image that comes from elsewhere, with its layers compressed in another way. */
export async function withForcedLayers(whole: WholeImage, leaving: LeavingForm, session: ImageSession): Promise<WholeImage> {
  const images: ImageParts[] = [];
  for (const parts of whole.images) images.push(await withLeavingLayers(parts, leaving, session));
  return { ...whole, images, index: whole.index && indexAround(whole.index, images) };
}

/** @throws UsageError for an image that would get layers of zstd under Docker's media types */
export function refuseDockerZstd({ images }: WholeImage, { wanted }: LeavingForm): void {
  if (wanted.compression !== 'zstd') return;
  const dockerType = layerTypeOf('application/vnd.oci.image.layer.v1.tar+zstd', 'docker');
  const hasIt = images.some(({ manifest }) => manifest.layers.some(({ mediaType }) => mediaType === dockerType));
  if (hasIt) throw dockerZstd('--compression');
}

/** Blobs that were made here are in the store. */
function storeOr(others: BlobSource, store: Store): BlobSource {
  const own = storeBlobs(store);
  return {
    name: others.name,
    open: async (descriptor, options) => ((await store.blobs.has(descriptor.digest)) ? own : others).open(descriptor, options),
  };
}
