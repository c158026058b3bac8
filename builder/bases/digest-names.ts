import { isCorrupt } from '../../cache/files/errors.ts';
import type { Store } from '../../cache/store.ts';
import { formatReference, type Reference, type RepositoryName, withDigest } from '../../registry/address/reference.ts';
import { decodeIndex } from '../../registry/oci/decode.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import { isIndexType } from '../../registry/oci/layer-format.ts';

/** Every text under which a look-up remembers an image: as it was asked for, and by the digests that it turned out to have. */
export function rememberedNames(reference: Reference, digests: readonly (Digest | undefined)[]): readonly string[] {
  const byDigest = digests.filter((digest) => digest !== undefined).map((digest) => withDigest(reference, digest));
  return [...new Set([reference, ...byDigest].map(formatReference))];
}

/** What the store has of a repository under a digest: the digest of a manifest or an index that has a name, or of an entry of such an index. */
export async function storedByDigest(store: Store, repository: RepositoryName, digest: Digest): Promise<readonly Descriptor[]> {
  const { registry, repository: path } = repository;
  const prefix = formatReference({ registry, repository: path });
  const found: Descriptor[] = [];
  for (const { name, descriptor } of await store.images.list()) {
    if (!name.startsWith(`${prefix}:`) && !name.startsWith(`${prefix}@`)) continue;
    if (descriptor.digest === digest || name.endsWith(`@${digest}`)) found.push(descriptor);
    else found.push(...(await entriesOf(store, descriptor)).filter((entry) => entry.digest === digest));
  }
  return found;
}

async function entriesOf(store: Store, { mediaType, digest }: Descriptor): Promise<readonly Descriptor[]> {
  if (!isIndexType(mediaType)) return [];
  try {
    return decodeIndex(await store.blobs.readDocument(digest)).manifests;
  } catch (error) {
    // A damaged image must not keep others from being found.
    if (isCorrupt(error)) return [];
    throw error;
  }
}
