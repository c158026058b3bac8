import type { Store } from '../../cache/store.ts';
import { parseReference } from '../../registry/address/reference.ts';
import type { RegistryClient } from '../../registry/distribution/client.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { type Digest, shortDigest } from '../../registry/oci/digest.ts';
import type { BlobOrigin } from '../../registry/oci/image-source.ts';
import { type PushImage, type PushOptions, pushImage, pushIndex } from '../../registry/push.ts';
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
}

/**
 * Pushes an image, or an index with all its images. What the registry has is not sent, and what it has in another repository is mounted.
 *
 * @throws RegistryError
 */
export async function pushWhole(whole: WholeImage, name: string, services: PushServices): Promise<PushReport> {
  const { store, signal, onProgress } = services;
  const options: PushOptions = {
    client: await services.client(),
    signal,
    onProgress: ({ digest, doneBytes, totalBytes }) => onProgress(shortDigest(digest), doneBytes, totalBytes),
  };
  const origins = await blobOrigins(store, parseReference(name).registry);
  const images = whole.images.map((parts) => pushParts(parts, { origins, signal, store }));
  const { descriptor, references } = await send(name, { whole, images }, options);
  return { references, digest: descriptor.digest, imageId: imageIdOf(whole) };
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

interface PartsContext {
  readonly origins: ReadonlyMap<Digest, BlobOrigin>;
  readonly signal: AbortSignal;
  readonly store: Store;
}

function pushParts(parts: ImageParts, { origins, ...context }: PartsContext): PushImage {
  const { descriptor, manifestBytes, manifest, configBytes } = parts;
  return {
    manifestBytes,
    digest: descriptor.digest,
    mediaType: manifest.mediaType,
    configBytes,
    layers: manifest.layers.map((layer) => ({
      descriptor: layer,
      origin: sourceOfLayer(parts, layer)?.origin ?? origins.get(layer.digest),
      open: () => bytesOf(parts, layer, context),
    })),
  };
}

/** Layers of an image that was built are taken from the store where it has them. */
async function bytesOf(
  parts: ImageParts,
  layer: Descriptor,
  { signal, store }: Pick<PartsContext, 'signal' | 'store'>,
): Promise<AsyncIterable<Uint8Array>> {
  const source = sourceOfLayer(parts, layer);
  if (source === undefined || (parts.foreign !== undefined && (await store.blobs.has(layer.digest)))) {
    return store.blobs.read(layer);
  }
  return (await source.open(layer, { signal })).bytes;
}
