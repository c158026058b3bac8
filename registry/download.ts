import { basicAuthorization, parseUrl } from './address/url.ts';
import type { RegistryClient } from './distribution/client.ts';
import { redactUrl } from './errors/redact.ts';
import { RegistryError } from './errors/registry-error.ts';
import { bytesOf, contentLengthOf, discard, type HttpResponse, headerOf } from './http/exchange.ts';

export interface DownloadOptions {
  readonly client: RegistryClient;
  /** What is known of an earlier download; the server may then answer that nothing has changed. */
  readonly known?: { readonly etag?: string | undefined; readonly lastModified?: string | undefined };
  /** Sent to the origin of the URL alone, not to where it redirects: `authorization` and the like. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: no limit. */
  readonly maximum?: DownloadLimit;
  readonly signal?: AbortSignal | undefined;
}

interface DownloadLimit {
  readonly bytes: number;
  /** Why it is that many, to stand behind the number in an error: `, half of what is free`. */
  readonly reason: string;
}

/** What a URL gave. */
export type Download =
  | { readonly kind: 'not-modified' }
  | {
      readonly kind: 'content';
      /** Can be read once; not verified. Breaks off with RegistryError. */
      readonly bytes: AsyncIterable<Uint8Array>;
      readonly sizeBytes: number | undefined;
      readonly etag: string | undefined;
      /** The header as sent, for asking again. */
      readonly lastModified: string | undefined;
      /** The same as whole seconds since the epoch. */
      readonly lastModifiedSeconds: number | undefined;
    };

/**
 * Fetches a http or https URL, following at most ten redirects. The URL may hold user and password. Retries until the first byte; throws
 * RegistryError whose texts hold neither the query nor a credential.
 */
export async function download(text: string, options: DownloadOptions): Promise<Download> {
  const { url, authorization } = splitUrl(text);
  const purpose = `download "${redactUrl(url)}"`;
  const headers = { ...conditions(options.known), ...authorization, ...options.headers, 'accept-encoding': 'identity' };
  const response = await options.client.exchange({ method: 'GET', url, purpose, headers, signal: options.signal });
  if (response.status === 304) {
    discard(response);
    return { kind: 'not-modified' };
  }
  if (response.status !== 200) throw refused(response, purpose);
  const limit = options.maximum ?? noLimit;
  const sizeBytes = contentLengthOf(response);
  if (sizeBytes !== undefined && sizeBytes > limit.bytes) {
    discard(response);
    throw tooLarge(purpose, limit);
  }
  const lastModified = headerOf(response, 'last-modified');
  return {
    kind: 'content',
    bytes: limited(response, { purpose, limit }),
    sizeBytes,
    etag: headerOf(response, 'etag'),
    lastModified,
    lastModifiedSeconds: secondsOf(lastModified),
  };
}

const noLimit: DownloadLimit = { bytes: Number.POSITIVE_INFINITY, reason: '' };

function splitUrl(text: string): { url: URL; authorization: Record<string, string> } {
  const url = parseUrl(text);
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new RegistryError('reference-invalid', `Cannot download "${text}": it is not a http or https URL`, { side: 'client' });
  }
  const authorization = basicAuthorization(url);
  url.username = '';
  url.password = '';
  return { url, authorization: authorization === undefined ? {} : { authorization } };
}

function conditions(known: DownloadOptions['known']): Record<string, string> {
  return {
    ...(known?.etag === undefined ? {} : { 'if-none-match': known.etag }),
    ...(known?.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified }),
  };
}

function secondsOf(date: string | undefined): number | undefined {
  const milliseconds = Date.parse(date ?? '');
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}

interface LimitOptions {
  readonly purpose: string;
  readonly limit: DownloadLimit;
}

async function* limited(response: HttpResponse, { purpose, limit }: LimitOptions): AsyncGenerator<Uint8Array, void, void> {
  let size = 0;
  for await (const chunk of bytesOf(response)) {
    size += chunk.byteLength;
    if (size > limit.bytes) throw tooLarge(purpose, limit);
    yield chunk;
  }
}

function refused(response: HttpResponse, purpose: string): RegistryError {
  discard(response);
  const { status, url } = response;
  const code = status === 401 ? 'unauthorized' : status === 403 ? 'denied' : status >= 500 ? 'server-error' : 'blob-unknown';
  return new RegistryError(code, `Cannot ${purpose}: ${url.host} answered ${status}`, {
    side: 'registry',
    method: 'GET',
    url,
    status,
  });
}

function tooLarge(purpose: string, { bytes, reason }: DownloadLimit): RegistryError {
  const size = bytes < 2 ** 20 ? `${bytes} bytes` : `${Math.floor(bytes / 2 ** 20)} MiB`;
  return new RegistryError('too-large', `Cannot ${purpose}: it is larger than ${size}${reason}`, { side: 'registry' });
}
