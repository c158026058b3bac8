import { parseReference } from '../../registry/address/reference.ts';
import { type Digest, shortDigest } from '../../registry/oci/digest.ts';
import type { BlobOrigin } from '../../registry/oci/image-source.ts';
import { type PushImage, type PushOptions, pushImage, pushIndex } from '../../registry/push.ts';
import { type ImageParts, imageIdOf, type WholeImage } from '../image/whole-image.ts';
import { blobOrigins } from './blob-origins.ts';
import type { ImageSession, RegistrySettings } from './image-session.ts';

/** What arrived where. */
export interface Pushed {
  /** Each name with its digest: `localhost:5000/app:1@sha256:...`. */
  readonly references: readonly string[];
  readonly digest: string;
  readonly imageId: string;
}

/** Where a push goes. */
export interface PushDestination {
  readonly name: string;
  readonly registry: RegistrySettings;
}

/**
 * Pushes an image, or an index with all its images. What the registry has is not sent, and what it has in another repository is mounted.
 * Throws RegistryError.
 */
export async function pushWhole(whole: WholeImage, { name, registry }: PushDestination, session: ImageSession): Promise<Pushed> {
  const { signal, onProgress } = session;
  const options: PushOptions = {
    client: await session.client(registry),
    signal,
    onProgress: ({ digest, doneBytes, totalBytes }) => onProgress(shortDigest(digest), doneBytes, totalBytes),
  };
  const origins = await blobOrigins(session.store, parseReference(name).registry);
  const images = whole.images.map((parts) => pushParts(parts, { origins, signal }));
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
}

function pushParts(
  { descriptor: { digest }, manifestBytes, manifest, configBytes, blobs }: ImageParts,
  { origins, signal }: PartsContext,
): PushImage {
  return {
    manifestBytes,
    digest,
    mediaType: manifest.mediaType,
    configBytes,
    layers: manifest.layers.map((descriptor) => ({
      descriptor,
      origin: blobs.origin ?? origins.get(descriptor.digest),
      open: async () => (await blobs.open(descriptor, { signal })).bytes,
    })),
  };
}
