import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { ImageConfig } from '../../registry/oci/image-config.ts';
import { storeBlobs } from '../bases/image-lookup.ts';
import { type LayerContents, LayerHistory } from '../layers/layer-contents.ts';
import { localLayersOf } from '../layers/local-layers.ts';
import { chainIdOfRoot, rootOfImage } from '../layers/root-state.ts';
import type { ImageSession } from '../places/image-session.ts';
import type { StoredManifest } from '../places/stored-images.ts';

/** One layer of an image: where it comes from and what it does. */
export interface ReportedLayer extends LayerContents {
  readonly digest: Digest;
  readonly diffId: Digest;
  /** Bytes of the blob; of the tar when the layer was made here. */
  readonly size: number;
  /** The instruction that made it; '' when the history does not say. */
  readonly createdBy: string;
}

/**
 * What each layer of an image adds, changes, hides and wastes, lowest first. Layers that were never needed are unpacked for it.
 *
 * @throws StoreError, EnvironmentError, ExecutorError
 */
export async function reportLayers(
  { descriptor, manifest, config }: StoredManifest & { readonly config: ImageConfig },
  session: ImageSession,
): Promise<readonly ReportedLayer[]> {
  const { store, signal, onProgress } = session;
  await store.hold();
  const localLayers = await localLayersOf(store, { manifest, config });
  const root = rootOfImage({ reference: descriptor.digest, manifest, config, blobs: storeBlobs(store), localLayers });
  await session.folders.make(root, { signal, onProgress });
  const history = new LayerHistory();
  for (const snapshot of await store.snapshots.chainOf(chainIdOfRoot(root))) {
    signal.throwIfAborted();
    await history.add(store.snapshots.readIndex(snapshot));
  }
  const creators = (config.history ?? []).filter(({ empty_layer }) => empty_layer !== true);
  return history.layers().map((contents, index) => ({
    ...described(manifest.layers[index], config.rootfs.diff_ids[index]),
    createdBy: creators[index]?.created_by ?? '',
    ...contents,
  }));
}

function described(layer: Descriptor | undefined, diffId: Digest | undefined): Pick<ReportedLayer, 'digest' | 'diffId' | 'size'> {
  if (layer === undefined || diffId === undefined) throw new Error('an image has more snapshots than layers');
  return { digest: layer.digest, diffId, size: layer.size };
}
