import type { RegistryClient } from '../client.ts';
import { RegistryError } from '../errors.ts';
import { discard, type HttpResponse } from '../http/exchange.ts';
import { redactUrl } from '../http/redact.ts';
import { parseUrl } from '../http/url.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { BlobSource, BlobStream } from '../oci/image-source.ts';
import { layerFormatOf } from '../oci/layer-format.ts';
import { formatReference, type Reference } from '../reference.ts';
import type { Repository } from '../repository.ts';
import { openBlobStream } from './blob-stream.ts';

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
      const bytes = await openAnywhere(reference, request);
      return { offset, bytes };
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
  const { client, descriptor, purpose } = request;
  try {
    return await client.pulling(reference, purpose, (repository) => openIn(repository, request));
  } catch (error) {
    const urls = layerFormatOf(descriptor.mediaType)?.isForeign === true ? (descriptor.urls ?? []) : [];
    if (urls.length === 0 || !(error instanceof RegistryError) || error.status === undefined) throw error;
    return openForeign(urls, request);
  }
}

async function openIn(repository: Repository, request: BlobRequest): Promise<AsyncIterable<Uint8Array>> {
  const { descriptor, offset, purpose, signal } = request;
  const release = await repository.host.pullSlots.acquire(signal);
  const connect = (from: number): Promise<HttpResponse> =>
    repository.request({
      method: 'GET',
      target: `blobs/${descriptor.digest}`,
      purpose,
      expected: [200, 206],
      headers: rangeHeaders(from),
      signal,
    });
  return openBlobStream({ ...request.client.limits, descriptor, offset, purpose, connect, signal, release });
}

function rangeHeaders(offset: number): Record<string, string> {
  // Without it a server may compress what it sends, and the offsets would be those of something else.
  const plain = { 'accept-encoding': 'identity' };
  return offset === 0 ? plain : { ...plain, range: `bytes=${offset}-` };
}

/** Layers that may not be pushed are where their descriptor says. (image-spec, layer.md "Non-Distributable Layers") */
async function openForeign(urls: readonly string[], request: BlobRequest): Promise<AsyncIterable<Uint8Array>> {
  const { client, descriptor, offset, purpose, signal } = request;
  const url = urls.map((text) => parseUrl(text)).find((parsed) => parsed !== undefined && /^https?:$/.test(parsed.protocol));
  if (url === undefined) throw new RegistryError('blob-unknown', `Cannot ${purpose}: it has no usable URL`, { side: 'registry' });
  const connect = async (from: number): Promise<HttpResponse> => {
    const response = await client.exchange({ method: 'GET', url, purpose, headers: rangeHeaders(from), signal });
    if (response.status === 200 || response.status === 206) return response;
    discard(response);
    const why = `${redactUrl(url)} answered ${response.status}`;
    throw new RegistryError('blob-unknown', `Cannot ${purpose}: ${why}`, { side: 'registry', status: response.status, url });
  };
  return openBlobStream({ ...client.limits, descriptor, offset, purpose, connect, signal, release: () => {} });
}
