import pLimit from 'p-limit';
import type { BlobStore } from '../../cache/blobs/blob-store.ts';
import { type Digest, shortDigest } from '../../registry/oci/digest.ts';
import { damagedBlobNotice } from '../bases/stored-document.ts';
import { descriptorOf, type WholeImage } from '../image/whole-image.ts';
import type { ImageSession } from './image-session.ts';

/** How many blobs are fetched at the same time. Registries have their own limit besides. */
const parallelFetches = 4;

/** Takes an image into the store with everything that it names, then gives it the names. Throws RegistryError or StoreError. */
export async function keepImage(whole: WholeImage, names: readonly string[], session: ImageSession): Promise<void> {
  const { store } = session;
  await store.hold();
  await fetchBlobs(whole, store.blobs, session);
  await keepDocuments(whole, session);
  for (const name of names) await store.images.tag(name, descriptorOf(whole));
}

/** Takes the manifests, configurations and the index of an image into the store. */
export async function keepDocuments({ index, images }: WholeImage, { store }: ImageSession): Promise<void> {
  for (const { configBytes, manifestBytes, manifest, descriptor } of images) {
    await store.blobs.putBytes(configBytes, manifest.config.digest);
    await store.blobs.putBytes(manifestBytes, descriptor.digest);
  }
  if (index !== undefined) await store.blobs.putBytes(index.bytes, index.descriptor.digest);
}

/**
 * Fetches the layers that are not there yet, each once, and checks them. Those that are there are read and compared with their digests, and
 * fetched again when they are damaged. Throws RegistryError or StoreError.
 */
export async function fetchBlobs(
  whole: WholeImage,
  target: BlobStore,
  { signal, onProgress, onNotice }: ImageSession,
): Promise<void> {
  const layers = new Map(
    whole.images.flatMap(({ manifest, blobs }) => manifest.layers.map((layer) => [layer.digest, { layer, blobs }])),
  );
  const limit = pLimit(parallelFetches);
  const onDamage = (digest: Digest): void => onNotice(damagedBlobNotice(digest));
  await Promise.all(
    [...layers.values()].map(({ layer, blobs }) =>
      limit(async () => {
        const what = shortDigest(layer.digest);
        signal.throwIfAborted();
        await target.fetch(layer, blobs, { signal, onDamage, onProgress: (done) => onProgress(what, done, layer.size) });
      }),
    ),
  );
}
