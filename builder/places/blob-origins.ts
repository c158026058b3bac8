import type { Store } from '../../cache/store.ts';
import { parseReference } from '../../registry/address/reference.ts';
import { decodeManifest } from '../../registry/oci/decode.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { BlobOrigin } from '../../registry/oci/image-source.ts';
import { DocumentError } from '../../registry/oci/json.ts';

/**
 * The repositories of a registry that layers of the store are known to be in, since they were pulled from there. A push mounts them from there
 * instead of sending them. Nothing is asked; a layer that is gone meanwhile is sent.
 */
export async function blobOrigins(store: Store, registry: string): Promise<ReadonlyMap<Digest, BlobOrigin>> {
  const origins = new Map<Digest, BlobOrigin>();
  for (const { reference, descriptor } of await store.resolved.list()) {
    const origin = parseReference(reference);
    if (origin.registry !== registry) continue;
    for (const digest of await layersOf(store, descriptor.digest)) {
      origins.set(digest, { registry, repository: origin.repository });
    }
  }
  return origins;
}

/** The layers that a manifest of the store names; none when it is not there. */
export async function layersOf(store: Store, digest: Digest): Promise<readonly Digest[]> {
  const bytes = await store.blobs.readBytes(digest);
  if (bytes === undefined) return [];
  try {
    return decodeManifest(bytes).layers.map((layer) => layer.digest);
  } catch (error) {
    // Only a shortcut is lost.
    if (error instanceof DocumentError) return [];
    throw error;
  }
}
