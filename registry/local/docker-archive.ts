import { createHash } from 'node:crypto';
import { fullName } from '../address/reference.ts';
import { documentError, RegistryError } from '../errors/registry-error.ts';
import type { FetchedManifest } from '../image/fetched-manifest.ts';
import { openImage } from '../image/open-image.ts';
import { decodeImageConfig, decodeIndex, largestConfigBytes, largestManifestBytes } from '../oci/decode.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Digest, digestFromHex, digestOf, layoutPathOf } from '../oci/digest.ts';
import type { BlobSource, SourceImage } from '../oci/image-source.ts';
import { checkArray, checkString, DocumentError, objectAt } from '../oci/json.ts';
import { isManifestType } from '../oci/layer-format.ts';
import type { ImageManifest } from '../oci/manifest.ts';
import { mediaType } from '../oci/media-type.ts';
import { ownValue } from '../oci/own-value.ts';
import { layoutBlobs, readManifest } from './layout.ts';
import type { Selector } from './location.ts';
import { readSmall, type StoredFile, type StoredFiles } from './stored-files.ts';

/** One image of `manifest.json`. */
interface ArchivedImage {
  /** Name of the configuration's file. */
  readonly Config: string;
  readonly RepoTags?: readonly string[];
  /** Names of the layers' files, lowest first. */
  readonly Layers: readonly string[];
}

/**
 * Opens an image of what `docker save` writes: by its own manifest where the archive is an OCI layout too, else by one that is made from
 * `manifest.json`; uncompressed layers are named by their diff id.
 *
 * @throws RegistryError
 */
export async function openDockerFiles(
  files: StoredFiles,
  options: { readonly selector: Selector; readonly signal?: AbortSignal | undefined },
): Promise<SourceImage> {
  const purpose = `read ${files.title}`;
  const image = selectImage(await readArchivedImages(files), options.selector, files);
  const configBytes = await required(files, image.Config);
  const original = await originalManifest(files, digestOf(configBytes));
  const open = { name: files.title, purpose, signal: options.signal };
  if (original !== undefined) return openImage(original, { ...open, blobs: layoutBlobs(files) });
  const made = await makeManifest(files, image, configBytes);
  return openImage(made.found, { ...open, blobs: made.blobs });
}

/** What `manifest.json` lists. @throws RegistryError */
export async function readArchivedImages(files: StoredFiles): Promise<readonly ArchivedImage[]> {
  const bytes = await readSmall(files, 'manifest.json', largestManifestBytes);
  if (bytes === undefined) {
    const message = `Cannot read ${files.title}: it is not an archive of docker save, it has no file "manifest.json"`;
    throw new RegistryError('archive', message, { side: 'client' });
  }
  try {
    return imagesOf(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    throw documentError(error, `read manifest.json of ${files.title}`);
  }
}

function imagesOf(document: unknown): readonly ArchivedImage[] {
  assertImages(document);
  return document;
}

function assertImages(document: unknown): asserts document is readonly ArchivedImage[] {
  checkArray(document, 'the document', (element, path) => {
    const image = objectAt(element, path);
    checkString(image['Config'], `${path}.Config`);
    image['RepoTags'] ??= [];
    for (const key of ['RepoTags', 'Layers']) checkArray(image[key], `${path}.${key}`, checkString);
  });
}

function selectImage(images: readonly ArchivedImage[], { name }: Selector, files: StoredFiles): ArchivedImage {
  const [first, second] = images;
  if (first === undefined) {
    throw new RegistryError('manifest-unknown', `Cannot read ${files.title}: it holds no image`, { side: 'client' });
  }
  const names = images.map((image) => image.RepoTags?.[0] ?? image.Config);
  if (name === undefined && second === undefined) return first;
  const found = name === undefined ? undefined : images.find((image, index) => `@${index}` === name || isNamed(image, name));
  if (found !== undefined) return found;
  const why = name === undefined ? 'it holds several images' : `it has no image "${name}", it has`;
  throw new RegistryError(
    'manifest-unknown',
    `Cannot read ${files.title}: ${why}: ${names.join(', ')}`.replace('has: ', 'has '),
    {
      side: 'client',
      hint: 'Name one: add :<name> to the path',
    },
  );
}

function isNamed(image: ArchivedImage, name: string): boolean {
  const wanted = completeName(name);
  return image.RepoTags?.some((tag) => tag === name || completeName(tag) === wanted) === true;
}

function completeName(name: string): string {
  try {
    return fullName(name);
  } catch {
    // Tools put names there that are no references; they can still be asked for as they are.
    return name;
  }
}

async function required(files: StoredFiles, name: string): Promise<Buffer> {
  const bytes = await readSmall(files, name, largestConfigBytes);
  if (bytes !== undefined) return bytes;
  throw new RegistryError('archive', `Cannot read ${files.title}: it has no file "${name}"`, { side: 'client' });
}

/** The manifest, when the archive is an OCI layout that has the one of this configuration. */
async function originalManifest(files: StoredFiles, config: Digest): Promise<FetchedManifest | undefined> {
  const bytes = await readSmall(files, 'index.json', largestManifestBytes);
  return bytes === undefined ? undefined : findManifest(files, decodeIndex(bytes).manifests, config);
}

async function findManifest(
  files: StoredFiles,
  entries: readonly Descriptor[],
  config: Digest,
): Promise<FetchedManifest | undefined> {
  for (const entry of entries.slice(0, 100)) {
    const isThere = (await files.find(layoutPathOf(entry.digest))) !== undefined;
    // Archives of one platform leave the manifests of the others out.
    if (!isThere) continue;
    const found = await readManifest(files, entry);
    const { document } = found;
    if (document.kind === 'manifest' && document.manifest.config.digest === config) return found;
    const inner = document.kind === 'index' ? document.index.manifests.filter(({ mediaType: type }) => isManifestType(type)) : [];
    const nested = await findManifest(files, inner, config);
    if (nested !== undefined) return nested;
  }
  return undefined;
}

interface MadeManifest {
  readonly found: FetchedManifest;
  readonly blobs: BlobSource;
}

async function makeManifest(files: StoredFiles, image: ArchivedImage, configBytes: Buffer): Promise<MadeManifest> {
  const diffIds = diffIdsOf(files, image, configBytes);
  const config: Descriptor = { mediaType: mediaType.dockerConfig, digest: digestOf(configBytes), size: configBytes.byteLength };
  const stored = new Map<Digest, string>([[config.digest, image.Config]]);
  const layers: Descriptor[] = [];
  for (const [index, name] of image.Layers.entries()) {
    const layer = await describeLayer(files, name, diffIds[index]);
    stored.set(layer.digest, name);
    layers.push(layer);
  }
  const isDocker = layers.every((layer) => layer.mediaType !== mediaType.layerZstd);
  const manifest: ImageManifest = isDocker
    ? { schemaVersion: 2, mediaType: mediaType.dockerManifest, config, layers }
    : ociManifest(config, layers);
  const bytes = Buffer.from(JSON.stringify(manifest));
  const descriptor = { mediaType: manifest.mediaType, digest: digestOf(bytes), size: bytes.byteLength };
  return { found: { descriptor, bytes, document: { kind: 'manifest', manifest } }, blobs: archivedBlobs(files, stored) };
}

/** Docker has no type for zstd, and families may not be mixed. */
function ociManifest(config: Descriptor, layers: readonly Descriptor[]): ImageManifest {
  const types: Readonly<Record<string, string>> = {
    [mediaType.dockerLayer]: mediaType.layer,
    [mediaType.dockerLayerGzip]: mediaType.layerGzip,
  };
  const renamed = layers.map((layer) => ({ ...layer, mediaType: ownValue(types, layer.mediaType) ?? layer.mediaType }));
  return { schemaVersion: 2, mediaType: mediaType.manifest, config: { ...config, mediaType: mediaType.config }, layers: renamed };
}

function diffIdsOf(files: StoredFiles, image: ArchivedImage, configBytes: Buffer): readonly Digest[] {
  try {
    const diffIds = decodeImageConfig(configBytes).rootfs.diff_ids;
    if (diffIds.length === image.Layers.length) return diffIds;
    throw new DocumentError(`manifest.json names ${image.Layers.length} layers, the configuration ${diffIds.length}`);
  } catch (error) {
    throw documentError(error, `read ${files.title}`);
  }
}

async function describeLayer(files: StoredFiles, name: string, diffId: Digest | undefined): Promise<Descriptor> {
  const file = await files.find(name);
  if (file === undefined || diffId === undefined) {
    throw new RegistryError('archive', `Cannot read ${files.title}: it has no file "${name}"`, { side: 'client' });
  }
  const type = await layerTypeOf(file);
  if (type === mediaType.dockerLayer) return { mediaType: type, digest: diffId, size: file.size };
  const hash = createHash('sha256');
  for await (const chunk of file.read(0)) hash.update(chunk);
  return { mediaType: type, digest: digestFromHex(hash.digest('hex')), size: file.size };
}

async function layerTypeOf(file: StoredFile): Promise<string> {
  for await (const chunk of file.read(0)) {
    const start = Buffer.from(chunk.subarray(0, 4)).toString('hex');
    if (start.startsWith('1f8b')) return mediaType.dockerLayerGzip;
    return start === '28b52ffd' ? mediaType.layerZstd : mediaType.dockerLayer;
  }
  return mediaType.dockerLayer;
}

function archivedBlobs(files: StoredFiles, stored: ReadonlyMap<Digest, string>): BlobSource {
  return {
    name: files.title,
    async open(descriptor, { offset = 0 }) {
      const name = stored.get(descriptor.digest);
      const file = name === undefined ? undefined : await files.find(name);
      if (file !== undefined) return { offset, bytes: file.read(offset) };
      throw new RegistryError('blob-unknown', `Cannot read ${files.title}: blob ${descriptor.digest} is missing`, {
        side: 'client',
      });
    },
  };
}
