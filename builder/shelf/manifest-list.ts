import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { hexOf } from '../../registry/oci/digest.ts';
import { isIndexType } from '../../registry/oci/layer-format.ts';
import type { ImageIndex } from '../../registry/oci/manifest.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { formatPlatform, normalisePlatform, type Platform } from '../../registry/oci/platform.ts';
import { UsageError } from '../contract/errors.ts';
import { type ImageFormat, indexTypeOf } from '../image/media-types.ts';
import { formatOf, indexDocument, inFormat } from '../image/new-documents.ts';
import { type ImageParts, type IndexDocument, platformOfParts, type WholeImage } from '../image/whole-image.ts';
import type { ImageSession } from '../places/image-session.ts';
import { keepDocuments, keepImage } from '../places/keep-image.ts';
import { openAsStored } from '../places/open-stored.ts';
import { digestDigits, type FoundImage, findImage, readStoredImage, storedName } from '../places/stored-images.ts';

/** What is said of one image of a list. */
export interface EntryChanges {
  readonly os?: string | undefined;
  readonly architecture?: string | undefined;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A list in the store: a name that stands for an index. */
export interface ManifestList {
  readonly name: string;
  readonly document: IndexDocument;
}

/** Makes an empty list. UsageError when the name is taken, unless that is a list and may be replaced. */
export async function createList(
  text: string,
  { format, isReplaced }: { readonly format: ImageFormat; readonly isReplaced: boolean },
  session: ImageSession,
): Promise<ManifestList> {
  const name = storedName(text);
  const present = await session.store.images.get(name);
  if (present !== undefined && !(isReplaced && isIndexType(present.descriptor.mediaType))) {
    throw new UsageError('LIST', `Cannot create list "${text}": the store has an image of this name`, {
      hint: `Remove it first: tsbuild rmi ${text}`,
    });
  }
  const document = indexDocument({ schemaVersion: 2, mediaType: indexTypeOf(format), manifests: [] });
  return save({ name, document }, session);
}

/** The list of a name. UsageError when the name stands for nothing, or for a single image. */
export async function openList(text: string, session: ImageSession): Promise<ManifestList> {
  const found: FoundImage = await findImage(session.store, text);
  const { index } = await readStoredImage(session.store, found.descriptor);
  if (index !== undefined) return { name: found.name, document: index };
  throw new UsageError('LIST', `Cannot use "${text}" as a list: it is a single image`, {
    hint: `Make a list of another name: tsbuild manifest create NAME ${text}`,
  });
}

/**
 * Adds an image, or all images of an index, with everything that they name; in a list of docker's kind they get docker's media types. An
 * image that is in the list already is said anew; one of the same platform is replaced, with a notice.
 *
 * @throws UsageError, RegistryError, StoreError
 */
export async function addToList(
  { name, document }: ManifestList,
  { whole, changes }: { readonly whole: WholeImage; readonly changes: EntryChanges },
  session: ImageSession,
): Promise<ManifestList> {
  const fitting = inFormat(whole, listFormat(document));
  if (whole.isStored === true) await keepDocuments({ ...fitting, index: undefined }, session.store);
  else await keepImage({ ...fitting, index: undefined }, [], session);
  let manifests = document.index.manifests;
  for (const parts of fitting.images) {
    const entry = changed(entryOf(parts), changes);
    const replaced = manifests.find((other) => other.digest !== entry.digest && isReplacedBy(other, entry));
    if (replaced !== undefined) session.onNotice(replacedNotice(replaced, entry));
    manifests = [...manifests.filter((other) => !isReplacedBy(other, entry)), entry];
  }
  return save({ name, document: indexDocument(inType({ ...document.index, manifests })) }, session);
}

/** Docker's clients refuse a list of their own kind that names OCI manifests, so such a list stays what it is. Others take both. */
function listFormat({ index }: IndexDocument): ImageFormat | undefined {
  return formatOf(index.mediaType) === 'docker' ? 'docker' : undefined;
}

function replacedNotice(replaced: Descriptor, entry: Descriptor): string {
  const platform = entry.platform === undefined ? 'no platform' : formatPlatform(entry.platform);
  return `A list has one image for ${platform}: ${entry.digest} takes the place of ${replaced.digest}`;
}

/** Changes what a list says of one of its images, or, without one, of itself. @throws UsageError */
export async function annotateList(
  { name, document }: ManifestList,
  { digest, changes }: { readonly digest: string | undefined; readonly changes: EntryChanges },
  session: ImageSession,
): Promise<ManifestList> {
  const { index } = document;
  if (digest === undefined) {
    const annotations = { ...index.annotations, ...changes.annotations };
    return save({ name, document: indexDocument({ ...index, annotations }) }, session);
  }
  const manifests = index.manifests.map((entry) => (entry.digest === digest ? changed(entry, changes) : entry));
  return save({ name, document: indexDocument({ ...index, manifests }) }, session);
}

/** Takes one image out of a list. */
export async function removeFromList(
  { name, document }: ManifestList,
  digest: string,
  session: ImageSession,
): Promise<ManifestList> {
  const manifests = document.index.manifests.filter((entry) => entry.digest !== digest);
  return save({ name, document: indexDocument({ ...document.index, manifests }) }, session);
}

/**
 * The digest of the entry that somebody means: by the beginning of its digest, by its platform (`linux/arm64`), or by the name of an image
 * of the store.
 *
 * @throws UsageError
 */
export async function entryDigest({ name, document }: ManifestList, text: string, session: ImageSession): Promise<string> {
  const entries = document.index.manifests;
  const digits = digestDigits(text);
  const byDigest = digits === undefined ? [] : entries.filter(({ digest }) => hexOf(digest).startsWith(digits));
  const [only, ...more] = byDigest;
  if (only !== undefined && more.length === 0) return only.digest;
  const stored = await storedDigests(text, document, session);
  const named = entries.find(({ digest }) => stored.includes(digest));
  if (named !== undefined) return named.digest;
  throw new UsageError('IMAGE', `Cannot find "${text}" in list "${name}"`, {
    hint: entries.length === 0 ? 'The list is empty' : `It has ${entries.map(({ digest }) => digest).join(', ')}`,
  });
}

/** What an image of the store is called in a list: by its own digest, or by that of its form in the list. */
async function storedDigests(text: string, list: IndexDocument, session: ImageSession): Promise<readonly string[]> {
  const found = await findImage(session.store, text).catch(ignoreUsage);
  if (found === undefined) return [];
  const format = listFormat(list);
  if (format === undefined) return [found.descriptor.digest];
  const { images } = inFormat(await openAsStored(found.descriptor, session), format);
  return images.map(({ descriptor }) => descriptor.digest);
}

function ignoreUsage(error: unknown): undefined {
  if (!(error instanceof UsageError)) throw error;
  return undefined;
}

/** The new index, which is written before the name stands for it. */
async function save(list: ManifestList, { store }: ImageSession): Promise<ManifestList> {
  await store.blobs.putBytes(list.document.bytes);
  await store.images.tag(list.name, list.document.descriptor);
  return list;
}

function entryOf(parts: ImageParts): Descriptor {
  const { digest, size, annotations } = parts.descriptor;
  const platform = platformOfParts(parts);
  return {
    mediaType: parts.manifest.mediaType,
    digest,
    size,
    ...(annotations !== undefined && { annotations }),
    ...(platform !== undefined && { platform }),
  };
}

function changed(entry: Descriptor, { os, architecture, variant, osVersion, annotations }: EntryChanges): Descriptor {
  const present = entry.platform ?? { os: '', architecture: '' };
  const platform: Platform = {
    ...present,
    ...(os !== undefined && { os }),
    ...(architecture !== undefined && { architecture }),
    ...(variant !== undefined && { variant }),
    ...(osVersion !== undefined && { 'os.version': osVersion }),
  };
  return { ...entry, platform, ...(annotations !== undefined && { annotations: { ...entry.annotations, ...annotations } }) };
}

function isReplacedBy(other: Descriptor, entry: Descriptor): boolean {
  if (other.digest === entry.digest) return true;
  const isAttestation = entry.platform?.os === 'unknown';
  return !isAttestation && platformKey(other) === platformKey(entry);
}

function platformKey({ platform }: Descriptor): string {
  if (platform === undefined) return '';
  const { os, architecture, variant = '', 'os.version': version = '' } = normalisePlatform(platform);
  return [os, architecture, variant, version].join('/');
}

/** What is no image, such as an attestation, stays an OCI manifest, which a list of docker's kind must not name. */
function inType(index: ImageIndex): ImageIndex {
  const hasOci = index.manifests.some((entry) => entry.mediaType === mediaType.manifest);
  return hasOci ? { ...index, mediaType: mediaType.index } : index;
}
