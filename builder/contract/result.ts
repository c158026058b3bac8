import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { LayoutNumber } from './layouts.ts';

/** What a build made. */
export interface BuildResult {
  /** By whose rules it was made. */
  readonly layout: LayoutNumber;
  /** The manifest, or the index when there are several platforms. undefined when only files were exported. */
  readonly descriptor: Descriptor | undefined;
  /** Digest of the image configuration, which docker calls the image id. undefined for several platforms. */
  readonly imageId: Digest | undefined;
  readonly names: readonly string[];
  readonly steps: { readonly total: number; readonly cached: number };
}

/** What docker buildx calls the image: what is made for several platforms has the digest of its index in place of an id. */
export function idOf({ imageId, descriptor }: BuildResult): string | undefined {
  return imageId ?? descriptor?.digest;
}
