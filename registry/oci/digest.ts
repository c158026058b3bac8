import { hash } from 'node:crypto';

declare const digestBrand: unique symbol;

/** What content may be named by. (image-spec, descriptor.md "Registered Algorithms") We name by sha256 alone, and check both. */
export type DigestAlgorithm = 'sha256' | 'sha512';

/** All of them. */
export const digestAlgorithms: readonly DigestAlgorithm[] = ['sha256', 'sha512'];

/**
 * `sha256:` and 64 lower-case hex digits, or `sha512:` and 128. Made only by parsing or hashing. (image-spec, descriptor.md "Digests")
 */
export type Digest = `${DigestAlgorithm}:${string}` & { readonly [digestBrand]: true };

/** True when `text` is a digest of a known kind in its one canonical spelling. */
export function isDigest(text: string): text is Digest {
  return /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(text);
}

/** What a digest was made by; content is checked by the same. */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** Turns text into a digest; throws SyntaxError when it is not one. Exported for tests. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) {
    throw new SyntaxError(`Cannot parse digest "${text}": expected "sha256:" and 64 hex digits, or "sha512:" and 128`);
  }
  return text;
}

/** The digest of bytes held in memory. Streams are hashed where they flow. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return digestFromHex(hash('sha256', bytes, 'hex'));
}

/** The digest of bytes of the same kind as another, to compare the two. */
export function digestLike(other: Digest, bytes: Uint8Array): Digest {
  const algorithm = algorithmOf(other);
  return digestFromHex(hash(algorithm, bytes, 'hex'), algorithm);
}

/** A digest from the hex digits that a hash function returned. */
export function digestFromHex(hex: string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return parseDigest(`${algorithm}:${hex}`);
}

/** The hex digits. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The algorithm and the first twelve digits, which is what people are shown. */
export function shortDigest(digest: Digest): string {
  return `${algorithmOf(digest)}:${hexOf(digest).slice(0, 12)}`;
}

/** Where an image layout keeps a blob. (image-spec, image-layout.md "Blobs") */
export function layoutPathOf(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/**
 * The identity of a layer on top of others: what the root file system contains, not how it was made.
 * (image-spec, config.md "Layer ChainID")
 */
export function chainIdOf(parent: Digest | undefined, diffId: Digest): Digest {
  return parent === undefined ? diffId : digestOf(`${parent} ${diffId}`);
}
