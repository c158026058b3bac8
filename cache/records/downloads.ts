import type { Digest } from '../../registry/oci/digest.ts';
import type { JsonObject } from '../../registry/oci/json.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { digestOrUndefined, readRecord } from '../files/json-record.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import { type Publisher, publishLater } from '../sessions/published-file.ts';

/** What a server gave for a URL, and what it needs to say that nothing changed. */
export interface DownloadRecord {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** URL -> content. The URL itself, which can hold credentials, is only hashed. */
export class Downloads {
  readonly #layout: StoreLayout;
  readonly #publisher: Publisher;
  readonly #blobs: BlobStore;

  constructor(layout: StoreLayout, services: { publisher: Publisher; blobs: BlobStore }) {
    this.#layout = layout;
    this.#publisher = services.publisher;
    this.#blobs = services.blobs;
  }

  async get(url: string): Promise<DownloadRecord | undefined> {
    const download = await readRecord(this.#layout.download(url), readDownload, { touch: true });
    return download !== undefined && (await this.#blobs.has(download.digest)) ? download : undefined;
  }

  /** Remembers a download, whose content is a blob of the store already. */
  async put(url: string, download: DownloadRecord): Promise<void> {
    await publishLater(this.#publisher, this.#layout.download(url), { version: 1, ...download });
  }
}

function readDownload(value: JsonObject): DownloadRecord | undefined {
  const { version, sizeBytes, etag, lastModified } = value;
  const digest = digestOrUndefined(value['digest']);
  if (version !== 1 || digest === undefined || typeof sizeBytes !== 'number') return undefined;
  return { digest, sizeBytes, etag: textOrUndefined(etag), lastModified: textOrUndefined(lastModified) };
}

function textOrUndefined(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
