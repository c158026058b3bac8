import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { JsonObject } from '../../registry/oci/json.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { descriptorOrUndefined, digestOrUndefined, readRecord } from '../files/json-record.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import { type Publisher, publishLater } from '../sessions/published-file.ts';

/** A layer's tar as it is stored in a blob. */
export interface CompressedLayer {
  readonly descriptor: Descriptor;
  /** Of the tar inside. Differs from the snapshot's when times were rewritten for an explicit epoch. */
  readonly diffId: Digest;
}

/** (diffID, compression) -> blob, so that a layer is compressed once. */
export class CompressedLayers {
  readonly #layout: StoreLayout;
  readonly #publisher: Publisher;
  readonly #blobs: BlobStore;

  constructor(layout: StoreLayout, services: { publisher: Publisher; blobs: BlobStore }) {
    this.#layout = layout;
    this.#publisher = services.publisher;
    this.#blobs = services.blobs;
  }

  /**
   * The blob of a layer. `variant` says how it was made, in letters, digits, `.`, `-` and `_`: `gzip-6`, `zstd-3.epoch-0`.
   * undefined when the record or its blob is not there.
   */
  async get(diffId: Digest, variant: string): Promise<CompressedLayer | undefined> {
    const layer = await readRecord(this.#layout.layer(diffId, checked(variant)), readLayer, { touch: true });
    return layer !== undefined && (await this.#blobs.has(layer.descriptor.digest)) ? layer : undefined;
  }

  /** Remembers the blob of a layer, which is in the store already. */
  async put(diffId: Digest, variant: string, layer: CompressedLayer): Promise<void> {
    await publishLater(this.#publisher, this.#layout.layer(diffId, checked(variant)), { version: 1, ...layer });
  }
}

function checked(variant: string): string {
  if (!/^[\w.-]+$/.test(variant)) throw new Error(`Unexpected layer variant "${variant}"`);
  return variant;
}

function readLayer(value: JsonObject): CompressedLayer | undefined {
  const descriptor = descriptorOrUndefined(value['descriptor']);
  const diffId = digestOrUndefined(value['diffId']);
  if (value['version'] !== 1 || descriptor === undefined || diffId === undefined) return undefined;
  return { descriptor, diffId };
}
