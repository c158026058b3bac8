import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import type { DownloadRecord } from '../../cache/records/downloads.ts';
import type { Store } from '../../cache/store.ts';
import type { RegistryClient } from '../../registry/distribution/client.ts';
import { redactUrl } from '../../registry/errors/redact.ts';
import { RegistryError } from '../../registry/errors/registry-error.ts';
import { type Digest, digestFromHex } from '../../registry/oci/digest.ts';
import { bareUrl } from '../../registry/oci/text/private-url.ts';
import { SourceError } from '../context/source-error.ts';
import { secretLine, secretValue } from '../secrets/secret-value.ts';
import type { Settings } from '../settings/settings.ts';
import { diskLimitOf } from './git/disk-limit.ts';

/** What headers are made of. */
type HeaderOptions = Pick<Settings, 'secrets' | 'environment' | 'signal'>;

/** What downloads need of a build. */
export interface DownloadServices {
  readonly options: HeaderOptions;
  readonly store: Store;
  readonly client: () => Promise<RegistryClient>;
  readonly signal: AbortSignal;
}

export interface DownloadRequest {
  readonly url: string;
  /** `sha256:...` that the content must have; then a content that is known already is not asked for again. */
  readonly checksum?: string | undefined;
  readonly onProgress: (what: string, doneBytes: number, totalBytes: number) => void;
}

/** A download that is a blob of the store. */
export interface DownloadedFile {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Seconds since the epoch; undefined when the server did not say. */
  readonly lastModified: number | undefined;
}

/**
 * Fetches a http or https URL into the store; what has not changed since the last time is not fetched again.
 *
 * @throws SourceError for content that is not what the checksum says, RegistryError for all that goes wrong on the way
 */
export async function downloadFile(request: DownloadRequest, services: DownloadServices): Promise<DownloadedFile> {
  const { store } = services;
  // From here to the step that uses it, nobody may prune the file.
  await store.hold();
  const known = await store.downloads.get(request.url);
  if (known !== undefined && known.digest === request.checksum) return described(known);
  const fresh = await fetchRetrying(request, known, services);
  if (request.checksum !== undefined && fresh.digest !== request.checksum) throw mismatch(request, fresh.digest);
  if (fresh !== known) await store.downloads.put(request.url, fresh);
  return described(fresh);
}

/** The URL for messages: without credentials and query. */
export function shownUrl(text: string): string {
  try {
    return redactUrl(new URL(text));
  } catch {
    return bareUrl(text);
  }
}

/** How often a download may break off before its end. */
const maximalAttempts = 3;

async function fetchRetrying(
  request: DownloadRequest,
  known: DownloadRecord | undefined,
  services: DownloadServices,
): Promise<DownloadRecord> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetchOnce(request, known, services);
    } catch (error) {
      const isBroken = error instanceof RegistryError && (error.code === 'connection-lost' || error.code === 'timeout');
      if (!isBroken || attempt === maximalAttempts) throw error;
    }
  }
}

async function fetchOnce(
  request: DownloadRequest,
  known: DownloadRecord | undefined,
  services: DownloadServices,
): Promise<DownloadRecord> {
  const { download } = await import('../../registry/download.ts');
  const { signal, options } = services;
  const headers = await authorization(request.url, options);
  const client = await services.client();
  const maximum = await diskLimitOf(services.store.root);
  const reply = await download(request.url, { client, headers, signal, maximum, ...(known !== undefined && { known }) });
  if (reply.kind === 'not-modified') {
    if (known !== undefined) return known;
    throw new RegistryError(
      'protocol',
      `Cannot download "${shownUrl(request.url)}": the server says that nothing has changed, but it was not asked`,
      {
        side: 'registry',
      },
    );
  }
  const { sizeBytes = 0, etag, lastModified } = reply;
  const onBytes = (done: number): void => request.onProgress('downloading', done, sizeBytes);
  return { ...(await writeBlob(reply.bytes, services.store, onBytes)), etag, lastModified };
}

/** What the bytes are is known only when the last has come, so they get their name then. */
async function writeBlob(
  bytes: AsyncIterable<Uint8Array>,
  store: Store,
  onBytes: (done: number) => void,
): Promise<{ readonly digest: Digest; readonly sizeBytes: number }> {
  const file = await store.newPath();
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    await using handle = await open(file, 'wx', 0o600);
    for await (const chunk of bytes) {
      hash.update(chunk);
      await handle.appendFile(chunk);
      sizeBytes += chunk.length;
      onBytes(sizeBytes);
    }
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
  const digest = digestFromHex(hash.digest('hex'));
  await store.blobs.adopt(file, digest);
  return { digest, sizeBytes };
}

function described({ digest, sizeBytes, lastModified }: DownloadRecord): DownloadedFile {
  const milliseconds = Date.parse(lastModified ?? '');
  return { digest, sizeBytes, lastModified: Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000) };
}

/** Headers: what the secrets HTTP_AUTH_HEADER_<host> and HTTP_AUTH_TOKEN_<host> say, the host with or without its port. */
export async function authorization(url: string, options: HeaderOptions): Promise<Record<string, string>> {
  const { host, hostname } = new URL(url);
  for (const name of new Set([host, hostname])) {
    const header = secretLine(await secretValue(`HTTP_AUTH_HEADER_${name}`, options));
    if (header !== undefined) return { authorization: header };
    const token = secretLine(await secretValue(`HTTP_AUTH_TOKEN_${name}`, options));
    if (token !== undefined) return { authorization: `Bearer ${token}` };
  }
  return {};
}

function mismatch({ url, checksum }: DownloadRequest, found: Digest): SourceError {
  return new SourceError('checksum', `Cannot add "${shownUrl(url)}": digest mismatch ${found}: ${checksum ?? ''}`, {
    hint: 'The file is not the one that --checksum was written for; if the new one is right, write its digest',
  });
}
