import { StoreError } from '../../cache/files/errors.ts';
import type { Store } from '../../cache/store.ts';
import type { Digest } from '../../registry/oci/digest.ts';

/** The bytes of a manifest, an index or a configuration of the store, verified. StoreError 'corrupt' when it is missing or damaged. */
export async function readDocument(store: Store, digest: Digest): Promise<Uint8Array> {
  const bytes = await store.blobs.readBytes(digest);
  if (bytes !== undefined) return bytes;
  throw new StoreError('corrupt', `Cannot read blob ${digest}: it is not in the store`, {
    path: store.blobs.path(digest),
    hint: 'Build or pull the image again',
  });
}

/** For people: what became of a blob that was not what its name says. */
export function damagedBlobNotice(digest: Digest): string {
  return `Blob ${digest} of the store is damaged and is fetched again`;
}

/** True for content of the store that is lost or damaged. */
export function isDamage(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'corrupt';
}
