import type { Store } from '../../cache/store.ts';
import { parseReference } from '../../registry/address/reference.ts';
import type { RegistryClient } from '../../registry/distribution/client.ts';
import type { PushBlob } from '../../registry/distribution/push-blob.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { type Digest, shortDigest } from '../../registry/oci/digest.ts';
import type { BlobOrigin, BlobSource } from '../../registry/oci/image-source.ts';
import { type BegunPush, type PushImage, type PushOptions, pushImage, pushIndex } from '../../registry/push.ts';
import { type ImageParts, imageIdOf, sourceOfLayer, type WholeImage } from '../image/whole-image.ts';
import type { OnProgress } from '../layers/root-folders.ts';
import { blobOrigins } from './blob-origins.ts';

/** What arrived where. */
export interface PushReport {
  /** Each name with its digest: `localhost:5000/app:1@sha256:...`. */
  readonly references: readonly string[];
  readonly digest: string;
  readonly imageId: string;
}

/** What a push works with. */
export interface PushServices {
  readonly store: Store;
  readonly client: () => Promise<RegistryClient>;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** What was sent to a name before the image was known. */
  readonly begun?: ((name: string) => Promise<BegunPush | undefined>) | undefined;
}

/**
 * Pushes an image, or an index with all its images. What the registry has is not sent, and what it has in another repository is mounted.
 *
 * @throws RegistryError
 */
export async function pushWhole(whole: WholeImage, name: string, services: PushServices): Promise<PushReport> {
  const { store, signal } = services;
  const options = { ...(await pushOptions(services)), begun: await services.begun?.(name) };
  const origins = await blobOrigins(store, parseReference(name).registry);
  const images = whole.images.map((parts) => pushParts(parts, { origins, signal, store }));
  const { descriptor, references } = await send(name, { whole, images }, options);
  return { references, digest: descriptor.digest, imageId: imageIdOf(whole) };
}

/** How a registry is spoken to by a push. */
export async function pushOptions({ client, signal, onProgress }: PushServices): Promise<PushOptions> {
  return {
    client: await client(),
    signal,
    onProgress: ({ digest, doneBytes, totalBytes }) => onProgress(shortDigest(digest), doneBytes, totalBytes),
  };
}

function send(
  name: string,
  { whole, images }: { readonly whole: WholeImage; readonly images: readonly PushImage[] },
  options: PushOptions,
): ReturnType<typeof pushImage> {
  const { index } = whole;
  if (index !== undefined) {
    return pushIndex(name, { indexBytes: index.bytes, mediaType: index.descriptor.mediaType, images }, options);
  }
  const [only] = images;
  if (only === undefined) throw new Error('nothing to push');
  return pushImage(name, only, options);
}

/** What sending layers needs. */
export interface PushContext {
  readonly origins: ReadonlyMap<Digest, BlobOrigin>;
  readonly signal: AbortSignal;
  readonly store: Store;
}

function pushParts(parts: ImageParts, context: PushContext): PushImage {
  const { descriptor, manifestBytes, manifest, configBytes } = parts;
  return {
    manifestBytes,
    digest: descriptor.digest,
    mediaType: manifest.mediaType,
    configBytes,
    layers: manifest.layers.map((layer) =>
      pushedLayer(layer, { source: sourceOfLayer(parts, layer), isOfBuild: parts.foreign !== undefined }, context),
    ),
  };
}

/** Where a layer is. */
interface LayerPlace {
  /** undefined: in the store. */
  readonly source: BlobSource | undefined;
  /** Layers of an image that was built are taken from the store where it has them. */
  readonly isOfBuild: boolean;
}

/** A layer as it is pushed. */
export function pushedLayer(layer: Descriptor, place: LayerPlace, { origins, ...services }: PushContext): PushBlob {
  return {
    descriptor: layer,
    origin: place.source?.origin ?? origins.get(layer.digest),
    open: () => bytesOf(layer, place, services),
  };
}

async function bytesOf(
  layer: Descriptor,
  { source, isOfBuild }: LayerPlace,
  { signal, store }: Omit<PushContext, 'origins'>,
): Promise<AsyncIterable<Uint8Array>> {
  if (source === undefined || (isOfBuild && (await store.blobs.has(layer.digest)))) return store.blobs.read(layer);
  return (await source.open(layer, { signal })).bytes;
}
