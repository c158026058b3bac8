import type { Descriptor } from '../oci/descriptor.ts';
import type { BlobOrigin } from '../oci/image-source.ts';

/** A blob to be there when the push is done. */
export interface PushBlob {
  readonly descriptor: Descriptor;
  /** All its bytes; called again for each attempt. */
  open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
  /** Where else the blob is; in the same registry it is mounted from there instead of sent. */
  readonly origin?: BlobOrigin | undefined;
}
