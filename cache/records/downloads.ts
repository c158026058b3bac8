import type { Digest } from '../../registry/oci/digest.ts';
import type { JsonObject } from '../../registry/oci/json.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { digestOrUndefined } from '../files/json-record.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import type { Publisher } from '../sessions/published-file.ts';
import { RecordFiles } from './record-files.ts';

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
  readonly #records: RecordFiles<DownloadRecord>;

  constructor(layout: StoreLayout, { publisher, blobs }: { publisher: Publisher; blobs: BlobStore }) {
    this.#layout = layout;
    this.#records = new RecordFiles(publisher, { read: readDownload, isThere: ({ digest }) => blobs.has(digest) });
  }

  async get(url: string): Promise<DownloadRecord | undefined> {
    return this.#records.get(this.#layout.download(url));
  }

  /** Remembers a download, whose content is a blob of the store already. */
  async put(url: string, download: DownloadRecord): Promise<void> {
    await this.#records.put(this.#layout.download(url), download);
  }
}

function readDownload(value: JsonObject): DownloadRecord | undefined {
  const { sizeBytes, etag, lastModified } = value;
  const digest = digestOrUndefined(value['digest']);
  if (digest === undefined || typeof sizeBytes !== 'number') return undefined;
  return { digest, sizeBytes, etag: textOrUndefined(etag), lastModified: textOrUndefined(lastModified) };
}

function textOrUndefined(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
