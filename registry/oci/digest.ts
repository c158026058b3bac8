import { createHash } from 'node:crypto';

declare const digestBrand: unique symbol;

/** `sha256:` and 64 lower-case hex digits. Made only by parsing or hashing. (image-spec, descriptor.md "Digests") */
export type Digest = `sha256:${string}` & { readonly [digestBrand]: true };

/** True when `text` is a sha256 digest in its one canonical spelling. */
export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/** Turns text into a digest; throws SyntaxError when it is not one. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) {
    throw new SyntaxError(`Cannot parse digest "${text}": expected "sha256:" and 64 hex digits`);
  }
  return text;
}

/** The digest of bytes held in memory. Streams are hashed where they flow. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return digestFromHex(createHash('sha256').update(bytes).digest('hex'));
}

/** A digest from the hex digits that a hash function returned. */
export function digestFromHex(hex: string): Digest {
  return parseDigest(`sha256:${hex}`);
}

/** The 64 hex digits, which are also the blob's file name. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/**
 * The identity of a layer on top of others: what the root file system contains, not how it was made.
 * (image-spec, config.md "Layer ChainID")
 */
export function chainIdOf(parent: Digest | undefined, diffId: Digest): Digest {
  return parent === undefined ? diffId : digestOf(`${parent} ${diffId}`);
}
