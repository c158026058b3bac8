import { StoreError } from '../../cache/files/errors.ts';
import type { Store } from '../../cache/store.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { chainIdOf, type Digest } from '../../registry/oci/digest.ts';
import type { ImageConfig } from '../../registry/oci/image-config.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import { layerFormatOf } from '../../registry/oci/layer-format.ts';
import type { ImageManifest } from '../../registry/oci/manifest.ts';

interface NamedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly chainId: Digest;
}

/**
 * The layers of a kept image that were made here, by ChainID: the image names them by their uncompressed tars, of which no blob is written,
 * and whoever needs their bytes makes them from the snapshots. StoreError 'corrupt' when a layer is neither a blob nor a snapshot.
 */
export async function localLayersOf(
  store: Store,
  { manifest, config }: { readonly manifest: ImageManifest; readonly config: ImageConfig },
): Promise<ReadonlyMap<Digest, LayerFacts>> {
  const found = new Map<Digest, LayerFacts>();
  let parent: Digest | undefined;
  for (const [index, descriptor] of manifest.layers.entries()) {
    const diffId = config.rootfs.diff_ids[index];
    if (diffId === undefined) return found;
    const chainId = chainIdOf(parent, diffId);
    const facts = await factsOf(store, { descriptor, diffId, chainId });
    if (facts !== undefined) found.set(chainId, facts);
    parent = chainId;
  }
  return found;
}

async function factsOf(store: Store, { descriptor, diffId, chainId }: NamedLayer): Promise<LayerFacts | undefined> {
  if (descriptor.digest !== diffId || layerFormatOf(descriptor.mediaType)?.compression !== 'none') return undefined;
  const hasBlob = await store.blobs.has(diffId);
  // A tar that came with a pulled image is left as it came; one that was made here has a record.
  if (hasBlob && (await store.layers.get(diffId, 'none')) === undefined) return undefined;
  const snapshot = await store.snapshots.withAnyIds(chainId);
  if (snapshot !== undefined || hasBlob) return snapshot?.facts;
  throw new StoreError('corrupt', `Cannot use layer ${diffId}: the store has lost it`, {
    path: store.layout.snapshot(chainId),
    hint: 'Build the image again',
  });
}
