import { documentError, RegistryError } from '../errors/registry-error.ts';
import { chooseEntry, chooseImage } from '../image/choose-image.ts';
import type { FetchedManifest } from '../image/fetched-manifest.ts';
import { openImage } from '../image/open-image.ts';
import { decodeIndex, decodeManifestDocument, largestManifestBytes } from '../oci/decode.ts';
import { type Descriptor, nameAnnotations } from '../oci/descriptor.ts';
import { digestLike, layoutPathOf } from '../oci/digest.ts';
import type { BlobSource, SourceImage } from '../oci/image-source.ts';
import type { ImageIndex } from '../oci/manifest.ts';
import type { Platform } from '../oci/platform.ts';
import type { Selector } from './location.ts';
import { readSmall, type StoredFiles } from './stored-files.ts';

export interface LayoutOptions {
  readonly platform: Platform;
  readonly selector: Selector;
  readonly signal?: AbortSignal | undefined;
}

/** Opens the image of an OCI layout that the selector names, for a platform. (image-spec, image-layout.md) @throws RegistryError */
export async function openLayout(files: StoredFiles, options: LayoutOptions): Promise<SourceImage> {
  const purpose = `read ${files.title}`;
  const { platform, signal } = options;
  const root = await selectRoot(files, options);
  const fetchEntry = (entry: Descriptor): Promise<FetchedManifest> => readManifest(files, entry);
  const chosen = await chooseImage(root, { platform, purpose, fetchEntry });
  const image = await openImage(chosen, { name: files.title, purpose, blobs: layoutBlobs(files), signal });
  return chosen === root ? image : { ...image, index: root.descriptor };
}

/** Reads `index.json`. @throws RegistryError */
export async function readLayoutIndex(files: StoredFiles): Promise<ImageIndex> {
  const purpose = `read ${files.title}`;
  const bytes = await readSmall(files, 'index.json', largestManifestBytes);
  const mark = await readSmall(files, 'oci-layout', 64 * 1024);
  if (bytes === undefined || mark === undefined) {
    const missing = bytes === undefined ? 'index.json' : 'oci-layout';
    throw new RegistryError('archive', `Cannot ${purpose}: it is not an OCI layout, it has no file "${missing}"`, {
      side: 'client',
    });
  }
  try {
    return decodeIndex(bytes);
  } catch (error) {
    throw documentError(error, `read index.json of ${files.title}`);
  }
}

/** The blobs of a layout. */
export function layoutBlobs(files: StoredFiles): BlobSource {
  return {
    name: files.title,
    async open(descriptor, { offset = 0 }) {
      const file = await files.find(layoutPathOf(descriptor.digest));
      if (file === undefined) throw noBlob(files, descriptor);
      if (file.size !== descriptor.size) {
        const message = `Cannot read blob ${descriptor.digest} of ${files.title}: it should have ${descriptor.size} bytes and has ${file.size}`;
        throw new RegistryError('size-mismatch', message, { side: 'client' });
      }
      return { offset, bytes: file.read(offset) };
    },
  };
}

/** Reads a manifest or index among the blobs and checks its digest. @throws RegistryError */
export async function readManifest(files: StoredFiles, descriptor: Descriptor): Promise<FetchedManifest> {
  const purpose = `read manifest ${descriptor.digest} of ${files.title}`;
  const bytes = await readSmall(files, layoutPathOf(descriptor.digest), largestManifestBytes);
  if (bytes === undefined) throw noBlob(files, descriptor);
  const actual = digestLike(descriptor.digest, bytes);
  if (actual !== descriptor.digest) {
    throw new RegistryError('digest-mismatch', `Cannot ${purpose}: it has digest ${actual}`, { side: 'client' });
  }
  try {
    const document = decodeManifestDocument(bytes, descriptor.mediaType);
    const type = document.kind === 'index' ? document.index.mediaType : document.manifest.mediaType;
    const { platform, digest } = descriptor;
    const found = { mediaType: type, digest, size: bytes.byteLength, ...(platform === undefined ? {} : { platform }) };
    return { descriptor: found, bytes, document };
  } catch (error) {
    throw documentError(error, purpose);
  }
}

async function selectRoot(files: StoredFiles, options: LayoutOptions): Promise<FetchedManifest> {
  const { manifests } = await readLayoutIndex(files);
  const matching = manifests.filter((entry) => matches(entry, options.selector));
  const [first] = matching;
  const { digest } = options.selector;
  // A digest may name what an index of the layout names, and need not be in index.json itself.
  if (first === undefined && digest !== undefined) return readManifest(files, { mediaType: '', digest, size: 0 });
  if (first === undefined) throw notFound(files, manifests, options.selector);
  if (new Set(matching.map((entry) => entry.digest)).size === 1) return readManifest(files, first);
  if (matching.every((entry) => entry.platform === undefined)) throw ambiguous(files, matching);
  return readManifest(files, chooseEntry(matching, { platform: options.platform, purpose: `read ${files.title}` }));
}

function matches(entry: Descriptor, { name, digest }: Selector): boolean {
  if (digest !== undefined) return entry.digest === digest;
  return (
    name === undefined ||
    namesOf(entry).some((known) => known === name || known.endsWith(`:${name}`) || name.endsWith(`:${known}`))
  );
}

function namesOf(entry: Descriptor): readonly string[] {
  return [nameAnnotations.layout, nameAnnotations.containerd].flatMap((key) => entry.annotations?.[key] ?? []);
}

function notFound(files: StoredFiles, entries: readonly Descriptor[], { name }: Selector): RegistryError {
  const names = [...new Set(entries.flatMap(namesOf))];
  const has = names.length === 0 ? 'no names' : names.join(', ');
  const message =
    name === undefined
      ? `Cannot read ${files.title}: it holds no image`
      : `Cannot read ${files.title}: it has no image "${name}", it has ${has}`;
  return new RegistryError('manifest-unknown', message, { side: 'client' });
}

function ambiguous(files: StoredFiles, entries: readonly Descriptor[]): RegistryError {
  const names = [...new Set(entries.map((entry) => namesOf(entry)[0] ?? entry.digest))];
  return new RegistryError('manifest-unknown', `Cannot read ${files.title}: it holds several images: ${names.join(', ')}`, {
    side: 'client',
    hint: 'Name one: add :<name> or @<digest> to the path',
  });
}

function noBlob(files: StoredFiles, { digest }: Descriptor): RegistryError {
  return new RegistryError('blob-unknown', `Cannot read ${files.title}: blob ${digest} is missing`, { side: 'client' });
}
