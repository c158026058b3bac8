import { isCorrupt } from '../../cache/files/errors.ts';
import type { ImageName } from '../../cache/records/image-names.ts';
import type { Store } from '../../cache/store.ts';
import { fullName } from '../../registry/address/reference.ts';
import { RegistryError } from '../../registry/errors/registry-error.ts';
import { decodeImageConfig, decodeIndex, decodeManifest } from '../../registry/oci/decode.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { type Digest, hexOf } from '../../registry/oci/digest.ts';
import type { ImageConfig } from '../../registry/oci/image-config.ts';
import { isIndexType, isManifestType } from '../../registry/oci/layer-format.ts';
import type { ImageManifest } from '../../registry/oci/manifest.ts';
import { mediaType } from '../../registry/oci/media-type.ts';

import { UsageError } from '../contract/errors.ts';
import type { IndexDocument } from '../image/whole-image.ts';

/** The manifest and configuration of one platform of an image in the store. */
export interface StoredManifest {
  /** As the index has it: with its platform. */
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly manifest: ImageManifest;
  readonly configBytes: Uint8Array;
  /** undefined for artifacts, which are no images. */
  readonly config: ImageConfig | undefined;
}

/** What a name of the store stands for, read. */
export interface StoredImage {
  readonly index: IndexDocument | undefined;
  readonly manifests: readonly StoredManifest[];
}

/** An image of the store: the name it was asked for by, or its first one. */
export type FoundImage = Pick<ImageName, 'name' | 'descriptor'>;

/** The full name that somebody means: `docker.io/library/app:latest` for `app`. @throws UsageError for what is no name, or has a digest */
export function storedName(text: string): string {
  const name = nameIn(text);
  if (name instanceof RegistryError) {
    throw new UsageError('IMAGE', `Cannot use "${text}" as a name: ${reasonIn(name)}`, { hint: name.hint, cause: name });
  }
  if (!name.includes('@')) return name;
  throw new UsageError('IMAGE', `Cannot use "${text}" as a name: a digest follows from the image and cannot be given`);
}

/**
 * Finds an image by its name, by the beginning of its id (the digest of its configuration) or by that of its manifest's digest. Of several
 * manifests around one configuration, which differ in annotations or compression alone, the first by name. UsageError when there is none,
 * or when several ids begin like this.
 */
export async function findImage(store: Store, text: string): Promise<FoundImage> {
  const name = nameIn(text);
  const named = typeof name === 'string' ? await store.images.get(name) : undefined;
  if (named !== undefined) return named;
  const matches = await matchDigest(store, text);
  const [first] = matches;
  if (first === undefined) {
    throw new UsageError('IMAGE', `Cannot find image "${text}": the store has no such name`, { hint: 'See "tsbuild images"' });
  }
  if (new Set(matches.map(({ digest }) => digest)).size > 1) {
    throw new UsageError('IMAGE', `Cannot use "${text}": several images begin like this`, {
      hint: 'Give more digits, or a name',
    });
  }
  return first.image;
}

/** All names whose image has an id or a manifest that begins like this, sorted. Empty for what cannot be the beginning of a digest. */
export async function findByDigest(store: Store, text: string): Promise<readonly ImageName[]> {
  return (await matchDigest(store, text)).map(({ image }) => image);
}

/** A name, and the id or digest of its image that begins as somebody has written. */
interface DigestMatch {
  readonly image: ImageName;
  readonly digest: Digest;
}

/** The digits by which somebody names a digest: all of them or the first ones, with or without what stands before them. */
export function digestDigits(text: string): string | undefined {
  return /^(?:.*@)?(?:sha\d{3}:)?([0-9a-f]{4,128})$/.exec(text)?.[1];
}

async function matchDigest(store: Store, text: string): Promise<readonly DigestMatch[]> {
  const digits = digestDigits(text);
  if (digits === undefined) return [];
  const found: DigestMatch[] = [];
  for (const image of await store.images.list()) {
    const digests = [image.descriptor.digest, ...(await imageIdsOf(store, image.descriptor))];
    const digest = digests.find((candidate) => hexOf(candidate).startsWith(digits));
    if (digest !== undefined) found.push({ image, digest });
  }
  return found;
}

/** A damaged image must not keep others from being found. */
async function imageIdsOf(store: Store, descriptor: Descriptor): Promise<readonly Digest[]> {
  try {
    const { index, manifests } = await readStoredImage(store, descriptor);
    return index === undefined ? manifests.map(({ manifest }) => manifest.config.digest) : [];
  } catch (error) {
    if (isCorrupt(error)) return [];
    throw error;
  }
}

/** Reads the documents of an image. StoreError 'corrupt' when one is missing or damaged. */
export function readStoredImage(store: Store, descriptor: Descriptor): Promise<StoredImage> {
  return readImage(descriptor, (digest) => store.blobs.readDocument(digest));
}

type ReadDocument = (digest: Digest) => Promise<Uint8Array>;

/** The same with another way to get at documents. */
export async function readImage(descriptor: Descriptor, read: ReadDocument): Promise<StoredImage> {
  const bytes = await read(descriptor.digest);
  if (!isIndexType(descriptor.mediaType)) {
    return { index: undefined, manifests: [await readManifest(descriptor, bytes, read)] };
  }
  const index = decodeIndex(bytes, descriptor.mediaType);
  const entries = index.manifests.filter(({ mediaType: type }) => isManifestType(type));
  const manifests = entries.map(async (entry) => readManifest(entry, await read(entry.digest), read));
  return { index: { descriptor, bytes, index }, manifests: await Promise.all(manifests) };
}

async function readManifest(descriptor: Descriptor, bytes: Uint8Array, read: ReadDocument): Promise<StoredManifest> {
  const manifest = decodeManifest(bytes, descriptor.mediaType);
  const configBytes = await read(manifest.config.digest);
  return { descriptor, bytes, manifest, configBytes, config: isImage(manifest) ? decodeImageConfig(configBytes) : undefined };
}

/** False for artifacts, such as the attestations that BuildKit puts into an index. */
function isImage({ config, layers }: ImageManifest): boolean {
  const isImageConfig = config.mediaType === mediaType.config || config.mediaType === mediaType.dockerConfig;
  return isImageConfig && !layers.some((layer) => layer.mediaType === 'application/vnd.in-toto+json');
}

function nameIn(text: string): string | RegistryError {
  try {
    return fullName(text);
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
}

// "Cannot read image name "x": why": the first half is ours to say.
function reasonIn({ message }: RegistryError): string {
  return message.replace(/^Cannot [^"]*"[^"]*": /, '');
}
