import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { ImageConfig } from '../../registry/oci/image-config.ts';
import type { BlobSource, SourceImage } from '../../registry/oci/image-source.ts';
import type { ImageIndex } from '../../registry/oci/manifest.ts';
import { normalisePlatform, type Platform } from '../../registry/oci/platform.ts';
import type { LayoutNumber } from '../contract/layouts.ts';

/** One image of what a name stands for. Its layers are opened when they are needed. */
export type ImageParts = Pick<SourceImage, 'descriptor' | 'manifestBytes' | 'manifest' | 'configBytes' | 'blobs'> & {
  /** undefined for artifacts, which are no images. */
  readonly config?: ImageConfig | undefined;
  /** Of an image that was built: the layers that come from elsewhere, each from its own place. All others are in the store. */
  readonly foreign?: ReadonlyMap<Digest, BlobSource>;
  /** By whose rules layers of it were made here. A new manifest tells it. */
  readonly layout?: LayoutNumber;
};

/** Where a layer comes from; undefined for one that was made here. */
export function sourceOfLayer({ blobs, foreign }: ImageParts, { digest }: Descriptor): BlobSource | undefined {
  return foreign === undefined ? blobs : foreign.get(digest);
}

/** An index with its exact bytes. */
export interface IndexDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly index: ImageIndex;
}

/** All that a name stands for, wherever it is: one image, or an index of several. */
export interface WholeImage {
  /** undefined: the only image stands for itself. */
  readonly index: IndexDocument | undefined;
  /** In the order of the index. */
  readonly images: readonly ImageParts[];
  /** All its blobs are files of the store already. */
  readonly isStored?: boolean;
}

/** What the name stands for. */
export function descriptorOf({ index, images }: WholeImage): Descriptor {
  const descriptor = index?.descriptor ?? images[0]?.descriptor;
  if (descriptor === undefined) throw new Error('an image without an image');
  const { mediaType, digest, size } = descriptor;
  return { mediaType, digest, size };
}

/** The digest of the configuration, which docker calls the image id; that of the index when there are several images. */
export function imageIdOf(whole: WholeImage): string {
  return whole.index === undefined ? (whole.images[0]?.manifest.config.digest ?? '') : whole.index.descriptor.digest;
}

/** The platform of an image: what its index says, else what its configuration says. */
export function platformOfParts({ descriptor, config }: Pick<ImageParts, 'descriptor' | 'config'>): Platform | undefined {
  if (descriptor.platform !== undefined || config === undefined) return descriptor.platform;
  const { os, architecture, variant, 'os.version': version } = config;
  return normalisePlatform({
    os,
    architecture,
    ...(variant !== undefined && { variant }),
    ...(version !== undefined && { 'os.version': version }),
  });
}
