import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { JsonObject } from '../../registry/oci/json.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { descriptorOrUndefined, digestOrUndefined } from '../files/json-record.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import type { Publisher } from '../sessions/published-file.ts';
import { RecordFiles } from './record-files.ts';

/** A layer's tar as it is stored in a blob. */
export interface CompressedLayer {
  readonly descriptor: Descriptor;
  /** Of the tar inside. Differs from the snapshot's when times were rewritten for an explicit epoch. */
  readonly diffId: Digest;
}

/** (diffID, compression) -> blob, so that a layer is compressed once. */
export class CompressedLayers {
  readonly #layout: StoreLayout;
  readonly #records: RecordFiles<CompressedLayer>;

  constructor(layout: StoreLayout, { publisher, blobs }: { publisher: Publisher; blobs: BlobStore }) {
    this.#layout = layout;
    this.#records = new RecordFiles(publisher, { read: readLayer, isThere: ({ descriptor }) => blobs.has(descriptor.digest) });
  }

  /**
   * The blob of a layer. `variant` says how it was made, in letters, digits, `.`, `-` and `_`: `gzip-6.layout-1`, `zstd-3.layout-1.epoch-0`.
   * undefined when the record or its blob is not there.
   */
  async get(diffId: Digest, variant: string): Promise<CompressedLayer | undefined> {
    return this.#records.get(this.#layout.layer(diffId, checked(variant)));
  }

  /** Remembers the blob of a layer, which is in the store already. */
  async put(diffId: Digest, variant: string, layer: CompressedLayer): Promise<void> {
    await this.#records.put(this.#layout.layer(diffId, checked(variant)), layer);
  }
}

function checked(variant: string): string {
  if (!/^[\w.-]+$/.test(variant)) throw new Error(`Unexpected layer variant "${variant}"`);
  return variant;
}

function readLayer(value: JsonObject): CompressedLayer | undefined {
  const descriptor = descriptorOrUndefined(value['descriptor']);
  const diffId = digestOrUndefined(value['diffId']);
  return descriptor === undefined || diffId === undefined ? undefined : { descriptor, diffId };
}
