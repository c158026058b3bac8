import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { storeBlobs } from '../bases/image-lookup.ts';
import { indexAround } from '../image/new-documents.ts';
import type { ImageParts, WholeImage } from '../image/whole-image.ts';
import { localLayersOf } from '../layers/local-layers.ts';
import type { ImageSession } from './image-session.ts';
import { type LeavingForm, withLeavingLayers } from './leaving-layers.ts';
import { readStoredImage, type StoredManifest } from './stored-images.ts';

/**
 * An image of the store as others can take it. Layers that were made here are named by their tars in the store; they are compressed now,
 * which makes new manifests around the same configurations: those that a build which pushes at once would have made. An image without such
 * layers keeps every byte.
 *
 * @throws StoreError, EnvironmentError, ExecutorError
 */
export async function openStored(descriptor: Descriptor, leaving: LeavingForm, session: ImageSession): Promise<WholeImage> {
  // What is read from here on must not be pruned.
  await session.store.hold();
  const { index, manifests } = await readStoredImage(session.store, descriptor);
  const images: ImageParts[] = [];
  for (const stored of manifests) images.push(await leavingImage(stored, leaving, session));
  return { index: index && indexAround(index, images), images, isStored: true };
}

/** The image as it is in the store, without its local layers being made. */
export async function openAsStored(descriptor: Descriptor, session: ImageSession): Promise<WholeImage> {
  const { index, manifests } = await readStoredImage(session.store, descriptor);
  return { index, images: manifests.map((stored) => partsOf(stored, session)), isStored: true };
}

async function leavingImage(stored: StoredManifest, leaving: LeavingForm, session: ImageSession): Promise<ImageParts> {
  const parts = partsOf(stored, session);
  const { manifest, config } = stored;
  if (config === undefined) return parts;
  const localLayers = await localLayersOf(session.store, { manifest, config });
  return withLeavingLayers({ ...parts, localLayers }, leaving, session);
}

function partsOf({ descriptor, bytes, manifest, configBytes, config }: StoredManifest, { store }: ImageSession): ImageParts {
  return { descriptor, manifestBytes: bytes, manifest, configBytes, config, blobs: storeBlobs(store) };
}
