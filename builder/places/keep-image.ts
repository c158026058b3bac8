import pLimit from 'p-limit';
import type { BlobStore } from '../../cache/blobs/blob-store.ts';
import type { Store } from '../../cache/store.ts';
import { type Digest, shortDigest } from '../../registry/oci/digest.ts';
import { damagedBlobNotice } from '../bases/lost-image.ts';
import { descriptorOf, sourceOfLayer, type WholeImage } from '../image/whole-image.ts';
import type { OnProgress } from '../layers/root-folders.ts';

/** How many blobs are fetched at the same time. Registries have their own limit besides. */
const parallelFetches = 4;

/** How layers are fetched. */
export interface LayerFetch {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** Layers that are there are read and compared with their digests, and this is told of those that are fetched again. undefined: they are trusted. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/** Takes an image into the store with everything that it names, then gives it the names. @throws RegistryError or StoreError */
export async function keepImage(
  whole: WholeImage,
  names: readonly string[],
  { store, ...fetch }: LayerFetch & { readonly store: Store },
): Promise<void> {
  await store.hold();
  await fetchLayers(whole, store.blobs, fetch);
  await keepDocuments(whole, store);
  for (const name of names) await store.images.tag(name, descriptorOf(whole));
}

/** Takes the manifests, configurations and the index of an image into the store. */
export async function keepDocuments({ index, images }: WholeImage, store: Store): Promise<void> {
  for (const { configBytes, manifestBytes, manifest, descriptor } of images) {
    await store.blobs.putBytes(configBytes, manifest.config.digest);
    await store.blobs.putBytes(manifestBytes, descriptor.digest);
  }
  if (index !== undefined) await store.blobs.putBytes(index.bytes, index.descriptor.digest);
}

/** Fetches the layers that come from elsewhere and are not there yet, each once. @throws RegistryError or StoreError */
export async function fetchLayers(
  whole: WholeImage,
  target: BlobStore,
  { signal, onProgress, onNotice }: LayerFetch,
): Promise<void> {
  const layers = new Map(
    whole.images.flatMap((parts) =>
      parts.manifest.layers.map((layer) => [layer.digest, { layer, source: sourceOfLayer(parts, layer) }] as const),
    ),
  );
  const limit = pLimit(parallelFetches);
  const onDamage = onNotice && ((digest: Digest): void => onNotice(damagedBlobNotice(digest)));
  await Promise.all(
    [...layers.values()].map(({ layer, source }) =>
      limit(async () => {
        const what = shortDigest(layer.digest);
        signal.throwIfAborted();
        if (source === undefined) return;
        await target.fetch(layer, source, { signal, onDamage, onProgress: (done) => onProgress(what, done, layer.size) });
      }),
    ),
  );
}
