import { StoreError } from '../../cache/files/errors.ts';
import type { Digest } from '../../registry/oci/digest.ts';

/** For people: what became of a blob that was not what its name says. */
export function damagedBlobNotice(digest: Digest): string {
  return `Blob ${digest} of the store is damaged and is fetched again`;
}

/** The error for an image of which the store has lost something, of the one that tells what. */
export function lostImage(
  name: string,
  { message, path }: StoreError,
  cure: { readonly hint: string; readonly isRemoved?: boolean },
): StoreError {
  const reason = message.replace(/^Cannot (?:read|use) /, '');
  return new StoreError('corrupt', `Cannot use image "${name}": ${reason}`, { path, ...cure });
}
