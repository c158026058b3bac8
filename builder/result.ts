import type { Descriptor } from '../registry/oci/descriptor.ts';
import type { Digest } from '../registry/oci/digest.ts';

/** What a build made. */
export interface BuildResult {
  /** The manifest, or the index when there are several platforms. undefined when only files were exported. */
  readonly descriptor: Descriptor | undefined;
  /** Digest of the image configuration, which docker calls the image id. undefined for several platforms. */
  readonly imageId: Digest | undefined;
  readonly names: readonly string[];
  readonly steps: { readonly total: number; readonly cached: number };
}
