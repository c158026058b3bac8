import type { Reference } from '../address/reference.ts';
import { documentError, RegistryError } from '../errors/registry-error.ts';
import { contentTypeOf, headerOf, readLimited } from '../http/exchange.ts';
import type { FetchedManifest } from '../image/fetched-manifest.ts';
import { decodeManifestDocument, largestManifestBytes, type ManifestDocument } from '../oci/decode.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestLike, digestOf, isDigest } from '../oci/digest.ts';
import { isIndexType, isManifestType } from '../oci/layer-format.ts';
import { mediaType } from '../oci/media-type.ts';
import type { RegistryClient } from './client.ts';
import { type Repository, withoutHead } from './repository.ts';

export interface FetchOptions {
  readonly client: RegistryClient;
  /** After "Cannot". */
  readonly purpose: string;
  readonly signal?: AbortSignal | undefined;
}

/** Every kind of manifest that is understood. Registries convert, or say that there is none, when this is missing. */
const manifestTypes: string = [mediaType.index, mediaType.manifest, mediaType.dockerList, mediaType.dockerManifest].join(', ');

/** Fetches the manifest or index of a reference; the digest counts when it has both tag and digest. @throws RegistryError */
export async function fetchManifest(reference: Reference, options: FetchOptions): Promise<FetchedManifest> {
  return options.client.pulling(reference, options.purpose, (repository) => fetchFrom(repository, reference, options));
}

/**
 * What a reference stands for now, by a HEAD request, which registries do not count against their limits. undefined: the registry does not tell
 * without sending the manifest.
 */
export async function headManifest(reference: Reference, options: FetchOptions): Promise<Descriptor | undefined> {
  return options.client.pulling(reference, options.purpose, async (repository) => {
    const request = manifestRequest(reference, options);
    const response = await repository.send({ ...request, method: 'HEAD', expected: [...request.expected, ...withoutHead] });
    if (withoutHead.includes(response.status)) return undefined;
    const digest = headerOf(response, 'docker-content-digest') ?? reference.digest;
    const size = Number(headerOf(response, 'content-length') ?? Number.NaN);
    const type = contentTypeOf(response);
    if (digest === undefined || !isDigest(digest) || !Number.isSafeInteger(size) || type === undefined) return undefined;
    return { mediaType: type, digest, size };
  });
}

function manifestRequest(reference: Reference, options: FetchOptions): Parameters<Repository['request']>[0] {
  return {
    method: 'GET',
    target: `manifests/${reference.digest ?? reference.tag ?? 'latest'}`,
    purpose: options.purpose,
    expected: [200],
    headers: { accept: manifestTypes },
    signal: options.signal,
  };
}

async function fetchFrom(repository: Repository, reference: Reference, options: FetchOptions): Promise<FetchedManifest> {
  const { purpose } = options;
  const response = await repository.request(manifestRequest(reference, options));
  const bytes = await readLimited(response, largestManifestBytes);
  if (bytes === undefined) {
    throw new RegistryError('too-large', `Cannot ${purpose}: its manifest is larger than ${largestManifestBytes} bytes`, {
      side: 'registry',
    });
  }
  const announced = headerOf(response, 'docker-content-digest');
  const digest = checkedDigest(bytes, reference.digest ?? announced, purpose);
  const declared = contentTypeOf(response);
  const document = decode(bytes, declared, purpose);
  const type = document.kind === 'index' ? document.index.mediaType : document.manifest.mediaType;
  // With a digest the bytes are what was asked for, whatever the header says. (image-spec, "Media Type Conflicts")
  if (reference.digest === undefined && declared !== undefined && isKnownType(declared) && declared !== type) {
    throw documentError(new Error(`the registry calls it ${declared}, and it calls itself ${type}`), purpose);
  }
  rememberBlobs(repository, document);
  return { descriptor: { mediaType: type, digest, size: bytes.byteLength }, bytes, document };
}

function rememberBlobs(repository: Repository, document: ManifestDocument): void {
  if (document.kind === 'index') return;
  for (const { digest } of document.manifest.layers) repository.host.blobHomes.set(digest, repository.name.repository);
}

function isKnownType(type: string): boolean {
  return isIndexType(type) || isManifestType(type);
}

function checkedDigest(bytes: Uint8Array, expected: string | undefined, purpose: string): Digest {
  // Digests of other kinds in the header cannot be checked; the one that is computed here is what counts.
  if (expected === undefined || !isDigest(expected)) return digestOf(bytes);
  const digest = digestLike(expected, bytes);
  if (expected === digest) return digest;
  const message = `Cannot ${purpose}: its manifest should have digest ${expected} and has ${digest}`;
  throw new RegistryError('digest-mismatch', message, {
    side: 'registry',
    hint: 'Somebody on the way, or the registry, changed it',
  });
}

function decode(bytes: Uint8Array, declared: string | undefined, purpose: string): ManifestDocument {
  try {
    return decodeManifestDocument(bytes, declared);
  } catch (error) {
    throw documentError(error, purpose);
  }
}
