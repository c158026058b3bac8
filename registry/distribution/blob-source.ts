import { isDowngrade } from '../address/downgrade.ts';
import { formatReference, type Reference } from '../address/reference.ts';
import { parseUrl } from '../address/url.ts';
import type { Site } from '../config/sites.ts';
import { redactUrl } from '../errors/redact.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { discard, type HttpResponse } from '../http/exchange.ts';
import { Patience } from '../http/patience.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { BlobSource, BlobStream } from '../oci/image-source.ts';
import { layerFormatOf } from '../oci/layer-format.ts';
import { openBlobStream } from './blob-stream.ts';
import type { FirstResult, RegistryClient } from './client.ts';
import type { Repository } from './repository.ts';

/** The blobs of a repository. At most `parallelBlobs` of one registry are open at once, so whoever opens one must read or leave it. */
export function registryBlobs(client: RegistryClient, reference: Reference): BlobSource {
  const { registry, repository } = reference;
  const name = formatReference({ registry, repository });
  return {
    name,
    origin: { registry, repository },
    async open(descriptor, { offset = 0, signal }): Promise<BlobStream> {
      if (offset > 0 && offset >= descriptor.size) return { offset, bytes: nothing() };
      const purpose = `fetch blob ${descriptor.digest} of "${name}"`;
      const request: BlobRequest = { client, descriptor, offset, purpose, signal };
      return { offset, bytes: await openAnywhere(reference, request) };
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}

interface BlobRequest {
  readonly client: RegistryClient;
  readonly descriptor: Descriptor;
  readonly offset: number;
  readonly purpose: string;
  readonly signal: AbortSignal | undefined;
}

async function openAnywhere(reference: Reference, request: BlobRequest): Promise<AsyncIterable<Uint8Array>> {
  try {
    return failingOver(await openFirst(await request.client.pullSites(reference), request), request);
  } catch (error) {
    const { descriptor } = request;
    const urls = layerFormatOf(descriptor.mediaType)?.isForeign === true ? (descriptor.urls ?? []) : [];
    if (urls.length === 0 || !(error instanceof RegistryError) || error.status === undefined) throw error;
    return openForeign(foreignUrl(urls, parseUrl(error.url ?? ''), request), reference, request);
  }
}

type OpenBlob = FirstResult<AsyncIterator<Uint8Array, void>>;

function openFirst(sites: readonly Site[], request: BlobRequest): Promise<OpenBlob> {
  return request.client.atFirst(sites, request.purpose, async (repository, rest) => {
    const bytes = await openIn(repository, { ...request, isLast: rest.length === 0 });
    return bytes[Symbol.asyncIterator]();
  });
}

/** Goes on at the next site, from the byte that was reached, when a mirror breaks off for good. */
function failingOver(first: OpenBlob, request: BlobRequest): AsyncIterable<Uint8Array> {
  const { client, signal } = request;
  let current = first;
  let { offset } = request;
  const next = async (): Promise<IteratorResult<Uint8Array, void>> => {
    try {
      const chunk = await current.result.next();
      offset += chunk.value?.byteLength ?? 0;
      return chunk;
    } catch (error) {
      signal?.throwIfAborted();
      client.passOver(current.site, current.rest, error);
      current = await openFirst(current.rest, { ...request, offset });
      return next();
    }
  };
  const leave = async (): Promise<IteratorResult<Uint8Array, void>> =>
    (await current.result.return?.()) ?? { done: true, value: undefined };
  return { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
}

async function openIn(
  repository: Repository,
  request: BlobRequest & { readonly isLast: boolean },
): Promise<AsyncIterable<Uint8Array>> {
  const { descriptor, offset, purpose, signal } = request;
  const { limits } = request.client;
  const release = await repository.host.pullSlots.acquire(signal);
  // With another place to go to, patience with this one only costs time.
  const attempts = request.isLast ? limits.attempts : Math.min(2, limits.attempts);
  const patience = new Patience({ attempts, backoffMs: limits.backoffMs });
  const connect = (from: number): Promise<HttpResponse> =>
    repository.request({
      method: 'GET',
      target: `blobs/${descriptor.digest}`,
      purpose,
      expected: [200, 206],
      headers: rangeHeaders(from),
      patience,
      signal,
    });
  return openBlobStream({ ...limits, patience, descriptor, offset, purpose, connect, signal, release });
}

function rangeHeaders(offset: number): Record<string, string> {
  // Without it a server may compress what it sends, and the offsets would be those of something else.
  const plain = { 'accept-encoding': 'identity' };
  return offset === 0 ? plain : { ...plain, range: `bytes=${offset}-` };
}

/** The first URL that can be used. What came from a registry over TLS leads to no plain connection. */
function foreignUrl(texts: readonly string[], registry: URL | undefined, { purpose }: BlobRequest): URL {
  const urls = texts.map((text) => parseUrl(text)).filter((url) => url !== undefined && /^https?:$/.test(url.protocol));
  const url = urls.find((each) => each !== undefined && !(registry !== undefined && isDowngrade(registry, each)));
  if (url !== undefined) return url;
  const [plain] = urls;
  if (plain === undefined) {
    throw new RegistryError('blob-unknown', `Cannot ${purpose}: it has no usable URL`, { side: 'registry' });
  }
  throw new RegistryError('redirect', `Cannot ${purpose}: it is only on plain ${redactUrl(plain)}`, {
    side: 'registry',
    url: plain,
  });
}

/** Layers that may not be pushed are where their descriptor says. (image-spec, layer.md "Non-Distributable Layers") */
async function openForeign(url: URL, { registry }: Reference, request: BlobRequest): Promise<AsyncIterable<Uint8Array>> {
  const { client, descriptor, offset, purpose, signal } = request;
  const patience = new Patience(client.limits);
  const namedBy = parseUrl(`https://${registry}/`);
  const connect = async (from: number): Promise<HttpResponse> => {
    const response = await client.exchange({
      method: 'GET',
      url,
      purpose,
      namedBy,
      headers: rangeHeaders(from),
      patience,
      signal,
    });
    if (response.status === 200 || response.status === 206) return response;
    discard(response);
    const why = `${redactUrl(url)} answered ${response.status}`;
    throw new RegistryError('blob-unknown', `Cannot ${purpose}: ${why}`, { side: 'registry', status: response.status, url });
  };
  return openBlobStream({ ...client.limits, patience, descriptor, offset, purpose, connect, signal, release: () => {} });
}
