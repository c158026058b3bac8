import type { Readable } from 'node:stream';
import { atLeastRate } from './least-rate.ts';
import type { Patience } from './patience.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Bytes to send: held in memory, or a stream that is opened anew for every attempt. */
export type HttpBody =
  | Uint8Array
  | { readonly size: number | undefined; open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>> };

export interface HttpRequest {
  readonly method: HttpMethod;
  readonly url: URL;
  /** What the request is for, after "Cannot": `fetch the manifest of "x"`. */
  readonly purpose: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  /** What a token must allow, as in `repository:x:pull`. */
  readonly scopes?: readonly string[];
  /**
   * false: fail at once, because the caller knows better how to go on; 'replies': only after a reply that asks for it, not when the connection
   * breaks. Default true.
   */
  readonly isRetried?: boolean | 'replies';
  /** Of what the request is a part of; default: of the request alone. */
  readonly patience?: Patience | undefined;
  /** true: sent even when everything is being aborted; `signal` alone ends it. */
  readonly outlivesAbort?: boolean;
  /** Whose reply named the URL, by a redirect or in a document: it may not lead to this machine then, unless that server is here too. */
  readonly namedBy?: URL | undefined;
  /** true: the body holds a secret of the origin, so redirects to another one are refused. */
  readonly hasSecretBody?: boolean;
  readonly signal?: AbortSignal | undefined;
}

type HttpHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** A reply whose body has not been read. Whoever gets it reads it or calls `discard`. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** After redirects. */
  readonly url: URL;
  /** Read it by `bytesOf`, which ends what comes too slowly. */
  readonly body: Readable;
  /** How long it may take that the least that counts as progress arrives, in milliseconds. */
  readonly stallTimeoutMs: number;
  /** What to throw for what broke the body. */
  readonly explain: (error: unknown) => unknown;
}

/** Sends a request and gives the reply, whatever its status. Layers wrap one another: retry, redirects, authorization. */
export type Exchange = (request: HttpRequest) => Promise<HttpResponse>;

/** The first value of a header; names are lower case. */
export function headerOf(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** All values of a header, in order. */
export function headersOf(response: HttpResponse, name: string): readonly string[] {
  const value = response.headers[name];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** The media type of the reply, without parameters and in lower case. */
export function contentTypeOf(response: HttpResponse): string | undefined {
  return headerOf(response, 'content-type')?.split(';')[0]?.trim().toLowerCase();
}

/** Content-Length as a number, when it is one. */
export function contentLengthOf(response: HttpResponse): number | undefined {
  const text = headerOf(response, 'content-length');
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Lets go of a body that nobody wants; the connection is reused when little is left of it. */
export function discard(response: HttpResponse): void {
  // A body that breaks while it is thrown away is of no interest to anybody.
  response.body.on('error', () => {});
  const length = contentLengthOf(response) ?? 0;
  if (length > 64 * 1024) response.body.destroy();
  else response.body.resume();
}

/** Reads a body of at most `limit` bytes; undefined when it is longer. */
export async function readLimited(response: HttpResponse, limit: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytesOf(response)) {
    size += chunk.byteLength;
    // Leaving the loop destroys the stream.
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The chunks of a reply's body. @throws RegistryError when it breaks off, or comes too slowly */
export async function* bytesOf({ body, stallTimeoutMs, explain }: HttpResponse): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* atLeastRate(body, stallTimeoutMs);
  } catch (error) {
    throw explain(error);
  }
}
