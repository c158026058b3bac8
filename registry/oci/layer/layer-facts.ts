import type { Digest } from '../digest.ts';

/** What is known of a layer that was made or unpacked here. */
export interface LayerFacts {
  readonly diffId: Digest;
  /** Bytes of the uncompressed tar. */
  readonly sizeBytes: number;
  readonly entries: number;
}
