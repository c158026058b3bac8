import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { chainIdOf, type Digest } from '../../registry/oci/digest.ts';
import type { BlobSource, SourceImage } from '../../registry/oci/image-source.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';

/** One layer of a root file system, and how to get it when it is not unpacked yet. */
export type LayerRef =
  | {
      readonly kind: 'foreign';
      readonly chainId: Digest;
      readonly diffId: Digest;
      readonly descriptor: Descriptor;
      readonly blobs: BlobSource;
    }
  | {
      readonly kind: 'built';
      readonly chainId: Digest;
      readonly facts: LayerFacts;
      /** An earlier build made it, for an image that this build only starts from: nothing of this build changes it. */
      readonly isOfBase?: true;
    };

/** A root file system that a stage has reached, known by what it contains. No layers: `scratch`. */
export interface RootState {
  readonly layers: readonly LayerRef[];
}

/** The empty root file system. */
export const emptyRoot: RootState = { layers: [] };

/** Identity of the whole content; undefined when empty. */
export function chainIdOfRoot(root: RootState): Digest | undefined {
  return root.layers.at(-1)?.chainId;
}

/** The root file system of an image. Nothing is fetched. The image's config and manifest were checked to agree in number. */
export function rootOfImage(image: Pick<SourceImage, 'reference' | 'manifest' | 'config' | 'blobs' | 'localLayers'>): RootState {
  const layers: LayerRef[] = [];
  for (const [index, descriptor] of image.manifest.layers.entries()) {
    const diffId = image.config.rootfs.diff_ids[index];
    if (diffId === undefined) throw new Error(`image ${image.reference} has more layers than diff_ids`);
    const chainId = chainIdOf(layers.at(-1)?.chainId, diffId);
    const facts = image.localLayers?.get(chainId);
    layers.push(
      facts === undefined
        ? { kind: 'foreign', chainId, diffId, descriptor, blobs: image.blobs }
        : { kind: 'built', chainId, facts, isOfBase: true },
    );
  }
  return { layers };
}

/** The root file system with one more layer, made by a step. */
export function withLayer(root: RootState, facts: LayerFacts): RootState {
  const chainId = chainIdOf(chainIdOfRoot(root), facts.diffId);
  return { layers: [...root.layers, { kind: 'built', chainId, facts }] };
}
