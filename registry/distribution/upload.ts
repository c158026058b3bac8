import { isDowngrade } from '../address/downgrade.ts';
import { parseUrl } from '../address/url.ts';
import { redactUrl } from '../errors/redact.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { discard, type HttpResponse, headerOf } from '../http/exchange.ts';
import { Patience, type PatienceOptions } from '../http/patience.ts';
import { isTransient, pauseFor } from '../http/retry.ts';
import type { PushBlob } from './push-blob.ts';
import { type Repository, withoutHead } from './repository.ts';
import { countedBody } from './upload-body.ts';

export interface UploadOptions extends PatienceOptions {
  /** Sends parts of this size instead of one request. */
  readonly chunkBytes?: number | undefined;
  readonly onSent: (doneBytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** How a blob came to be there. */
export type UploadOutcome = 'present' | 'mounted' | 'sent';

/** How long somebody who pressed Ctrl-C waits for a registry at most. */
const farewellMs = 2000;

interface Upload {
  readonly repository: Repository;
  readonly blob: PushBlob;
  readonly options: UploadOptions;
  /** Of the transfer, with all its requests. */
  readonly patience: Patience;
  /** After "Cannot". */
  readonly purpose: string;
}

/** An upload that the registry has begun, and how many bytes it has. Each answer may give it another location. */
interface Session {
  location: URL;
  offset: number;
  /** The smallest part that the registry takes, but for the last. */
  readonly leastChunkBytes: number;
}

/**
 * Makes sure that a repository has a blob: it may be there, be mounted from another repository, or is sent. A transfer that breaks is taken
 * up where the registry says it stopped, or begun again. (distribution-spec, "Pushing Blobs")
 *
 * @throws RegistryError
 */
export async function uploadBlob(repository: Repository, blob: PushBlob, options: UploadOptions): Promise<UploadOutcome> {
  const purpose = `push blob ${blob.descriptor.digest} to "${repository.title}"`;
  const upload: Upload = { repository, blob, options, patience: new Patience(options), purpose };
  const outcome = await bringThere(upload);
  repository.host.blobHomes.set(blob.descriptor.digest, repository.name.repository);
  return outcome;
}

async function bringThere(upload: Upload): Promise<UploadOutcome> {
  if (await isPresent(upload)) return 'present';
  const mounted = await mount(upload);
  if (mounted === 'mounted') return 'mounted';
  await sendUntilDone(upload, mounted);
  return 'sent';
}

async function isPresent({ repository, blob, purpose, options }: Upload): Promise<boolean> {
  const { signal } = options;
  const request = { target: `blobs/${blob.descriptor.digest}`, purpose, actions: 'pull,push', signal } as const;
  const response = await repository.send({ ...request, method: 'HEAD', expected: [200, 404, ...withoutHead] });
  if (!withoutHead.includes(response.status)) return response.status === 200;
  // One byte is enough to know; of an empty blob there is none.
  const headers = { range: 'bytes=0-0', 'accept-encoding': 'identity' };
  const { status } = await repository.send({ ...request, method: 'GET', headers, expected: [200, 206, 404, 416] });
  return status !== 404;
}

/** Tries to mount; a registry that will not may begin an upload instead. Any failure only means that the blob is sent. */
async function mount(upload: Upload): Promise<'mounted' | Session | undefined> {
  const { repository, blob, options } = upload;
  const from = homeOf(upload);
  if (from === undefined || from === repository.name.repository) return undefined;
  try {
    const response = await repository.send({
      ...startRequest(upload),
      target: `blobs/uploads/?mount=${encodeURIComponent(blob.descriptor.digest)}&from=${encodeURIComponent(from)}`,
      moreScopes: [`repository:${from}:pull`],
    });
    return response.status === 201 ? 'mounted' : sessionOf(response, upload);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof RegistryError && error.status !== undefined) return undefined;
    throw error;
  }
}

/** Another repository of the same registry that has the blob, as far as we know. */
function homeOf({ repository, blob }: Upload): string | undefined {
  const { origin, descriptor } = blob;
  const isHere = origin !== undefined && origin.registry === repository.name.registry;
  return isHere ? origin.repository : repository.host.blobHomes.get(descriptor.digest);
}

async function sendUntilDone(upload: Upload, begun: Session | undefined): Promise<void> {
  const { signal } = upload.options;
  let session = begun;
  try {
    for (;;) {
      try {
        session ??= await start(upload);
        return await sendFrom(upload, session);
      } catch (error) {
        signal?.throwIfAborted();
        const pauseMs = isWorthAnother(error) ? upload.patience.afterFailure() : undefined;
        if (pauseMs === undefined) throw error;
        await pauseFor(pauseMs, signal);
        session = session && (await resumable(upload, session, error));
      }
    }
  } catch (error) {
    if (session !== undefined) await abandon(upload, session);
    throw error;
  }
}

/** A registry may lose an upload with the instance that held it; then a new one is begun. */
function isWorthAnother(error: unknown): boolean {
  if (isTransient(error)) return true;
  if (!(error instanceof RegistryError)) return false;
  const codes = ['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID', 'RANGE_INVALID'];
  return error.status === 416 || error.registryCodes.some((code) => codes.includes(code)) || isWithoutChunks(error);
}

/** Some registries take only whole blobs. */
function isWithoutChunks(error: unknown): boolean {
  return error instanceof RegistryError && error.method === 'PATCH' && error.code === 'unsupported';
}

function startRequest({ purpose, options }: Upload): Parameters<Repository['request']>[0] {
  return {
    method: 'POST',
    target: 'blobs/uploads/',
    purpose,
    expected: [201, 202],
    headers: { 'content-length': '0' },
    actions: 'pull,push',
    signal: options.signal,
  };
}

async function start(upload: Upload): Promise<Session> {
  const response = await upload.repository.send({ ...startRequest(upload), expected: [202], patience: upload.patience });
  return sessionOf(response, upload);
}

function sessionOf(response: HttpResponse, upload: Upload): Session {
  const location = nextLocation(response, upload);
  if (location !== undefined) return { location, offset: 0, leastChunkBytes: leastChunk(response) };
  const message = `Cannot ${upload.purpose}: ${response.url.host} began an upload and did not say where`;
  throw new RegistryError('protocol', message, { side: 'registry', method: 'POST', url: response.url, status: response.status });
}

function leastChunk(response: HttpResponse): number {
  const text = headerOf(response, 'oci-chunk-min-length') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

function nextLocation(response: HttpResponse, { repository, purpose }: Upload): URL | undefined {
  const url = parseUrl(headerOf(response, 'location') ?? '', response.url);
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  // Registries behind a proxy that ends TLS often do not know that they are on https.
  const { base } = repository.host;
  const isDowngraded = url.protocol === 'http:' && base.protocol === 'https:' && url.hostname === base.hostname;
  if (isDowngraded) return new URL(`https:${url.href.slice('http:'.length)}`);
  if (!isDowngrade(base, url) && !isDowngrade(response.url, url)) return url;
  const message = `Cannot ${purpose}: ${response.url.host} wants it sent to plain ${redactUrl(url)}`;
  throw new RegistryError('redirect', message, { side: 'registry', url: response.url });
}

/** How far an upload has come; undefined: it is better begun again, and nothing of it is left. */
async function resumable(upload: Upload, session: Session, failure: unknown): Promise<Session | undefined> {
  const status = await statusOf(upload, session, failure);
  if (status === undefined) await abandon(upload, session);
  return status;
}

/**
 * Tells the registry that it can throw away what it has of an upload; else that stays for days, or for good. (distribution-spec, "Cancel a
 * blob upload") What it answers, if it does so in time, changes nothing. CNCF distribution refuses when a request broke off in its middle,
 * since its locations hold the offset, and purges such uploads itself.
 */
async function abandon({ repository, purpose }: Upload, { location }: Session): Promise<void> {
  const signal = AbortSignal.timeout(farewellMs);
  const request = { method: 'DELETE', target: location, purpose, actions: 'pull,push', isRetried: false } as const;
  // Whatever goes wrong here, the failure that led here is the one to tell.
  await repository.send({ ...request, expected: [204], signal, outlivesAbort: true }).catch(() => undefined);
}

async function statusOf(upload: Upload, session: Session, failure: unknown): Promise<Session | undefined> {
  if (isWithoutChunks(failure) || (failure instanceof RegistryError && failure.status !== undefined && failure.status < 500)) {
    return undefined;
  }
  const { repository, purpose, options, patience } = upload;
  try {
    const request = { method: 'GET', target: session.location, purpose, expected: [204], actions: 'pull,push' } as const;
    const response = await repository.send({ ...request, patience, signal: options.signal });
    const offset = receivedBytes(response);
    const location = nextLocation(response, upload);
    return offset > 0 && offset <= upload.blob.descriptor.size && location !== undefined
      ? { ...session, location, offset }
      : undefined;
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}

/** `Range: 0-99` is 100 bytes; `0-0` is what registries say of an upload that has none. */
function receivedBytes(response: HttpResponse): number {
  const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(headerOf(response, 'range') ?? '')?.[1] ?? 0);
  return last === 0 ? 0 : last + 1;
}

async function sendFrom(upload: Upload, session: Session): Promise<void> {
  const { size } = upload.blob.descriptor;
  const asked = upload.options.chunkBytes;
  const chunkBytes = asked && Math.max(asked, session.leastChunkBytes);
  if (session.offset === 0 && (chunkBytes === undefined || size <= chunkBytes)) return finish(upload, session.location, 0);
  while (session.offset < size) {
    const end = Math.min(size, session.offset + (chunkBytes ?? size));
    const response = await sendChunk(upload, session, end);
    session.location = nextLocation(response, upload) ?? session.location;
    session.offset = end;
  }
  return finish(upload, session.location, size);
}

async function sendChunk(upload: Upload, { location, offset }: Session, end: number): Promise<HttpResponse> {
  const { repository, purpose, options } = upload;
  const response = await repository.send({
    method: 'PATCH',
    target: location,
    purpose,
    // Amazon's registry answers 201.
    expected: [200, 201, 202, 204],
    headers: { 'content-type': 'application/octet-stream', 'content-range': `${offset}-${end - 1}` },
    body: countedBody(upload.blob, { offset, end, onSent: options.onSent, purpose }),
    actions: 'pull,push',
    isRetried: false,
    signal: options.signal,
  });
  return response;
}

/** Ends an upload, with all bytes from `offset` on: the whole blob, or nothing after chunks. */
async function finish(upload: Upload, location: URL, offset: number): Promise<void> {
  const { repository, blob, purpose, options } = upload;
  const { size, digest } = blob.descriptor;
  const target = new URL(location);
  // The query is the registry's own and is kept as it is, letter by letter.
  target.search = `${location.search === '' ? '?' : `${location.search}&`}digest=${encodeURIComponent(digest)}`;
  const response = await repository.request({
    method: 'PUT',
    target,
    purpose,
    expected: [200, 201, 202, 204],
    headers: { 'content-type': 'application/octet-stream' },
    body: offset === size ? Buffer.alloc(0) : countedBody(blob, { offset, end: size, onSent: options.onSent, purpose }),
    actions: 'pull,push',
    isRetried: false,
    signal: options.signal,
  });
  discard(response);
}
