import type { ManifestDocument } from '../oci/decode.ts';
import type { Descriptor } from '../oci/descriptor.ts';

/** A manifest or index as fetched: its bytes have the digest of the descriptor. */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly document: ManifestDocument;
}
