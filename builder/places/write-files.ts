import { BlobStore } from '../../cache/blobs/blob-store.ts';
import { StoreLayout } from '../../cache/folder/store-layout.ts';
import { type Descriptor, nameAnnotations } from '../../registry/oci/descriptor.ts';
import { formatShortPlatform } from '../../registry/oci/platform.ts';
import { UsageError } from '../contract/errors.ts';
import { checkDestinations } from '../export/check-destination.ts';
import { type ExportOptions, exportImage, type ImageFileOutput } from '../export/export-image.ts';
import type { BuiltImage, BuiltManifest } from '../image/built-image.ts';
import { formatOf } from '../image/new-documents.ts';
import { descriptorOf, type ImageParts, platformOfParts, type WholeImage } from '../image/whole-image.ts';
import type { ImageSession } from './image-session.ts';
import { fetchLayers } from './keep-image.ts';

/** An image and the names it gets in a file. */
export interface NamedImage {
  readonly whole: WholeImage;
  /** Full references, unless they are to stand there as they are. */
  readonly names: readonly string[];
  readonly areVerbatim?: boolean;
}

/** Where files go, with standard output for `-`. */
export interface FileTarget {
  readonly output: ImageFileOutput;
  readonly stdout?: ExportOptions['stdout'];
}

/**
 * Writes an image to an archive or a layout folder. Layers that the store does not have are fetched into a folder of this session first, so
 * that the file is written only when all is there.
 *
 * @throws UsageError, OutputError, RegistryError, StoreError
 */
export async function writeFiles(named: NamedImage, { output, stdout }: FileTarget, session: ImageSession): Promise<void> {
  const { whole } = named;
  refuseSeveral(whole, output);
  await checkDestinations([output], { stdout });
  if (output.kind === 'oci') noteDockerTypes(whole, session);
  const isTemporary = whole.isStored !== true;
  const blobs = isTemporary ? await stageBlobs(whole, session) : session.store.blobs;
  const { signal } = session;
  await exportImage(builtImage(whole, listed(named), { blobs, isTemporary }), output, {
    signal,
    ...(stdout !== undefined && { stdout }),
  });
}

interface BlobFiles {
  readonly blobs: BlobStore;
  /** They are there for this one write. */
  readonly isTemporary: boolean;
}

async function stageBlobs(whole: WholeImage, session: ImageSession): Promise<BlobStore> {
  const { store } = session;
  const layout = new StoreLayout(await store.newPath());
  const staged = new BlobStore(layout, () => store.newPath());
  await fetchLayers(whole, staged, session);
  return staged;
}

/** The image as it leaves to files: with which descriptor it is listed there, and by which names. */
interface WrittenImage {
  readonly descriptor: Descriptor;
  readonly names: readonly string[];
}

function listed({ whole, names, areVerbatim = false }: NamedImage): WrittenImage {
  const [name] = areVerbatim ? names : [];
  const annotations = name === undefined ? undefined : { [nameAnnotations.layout]: name };
  const descriptor = { ...descriptorOf(whole), ...(annotations !== undefined && { annotations }) };
  return { descriptor, names: areVerbatim ? [] : names };
}

/** An image as files are made of it: its layers are read from `blobs`. */
export function builtImage({ index, images }: WholeImage, { descriptor, names }: WrittenImage, files: BlobFiles): BuiltImage {
  const manifests = images.map((parts) => builtManifest(parts, files));
  if (index !== undefined) return { descriptor, manifestBytes: index.bytes, names, platforms: manifests };
  const [only] = manifests;
  if (only === undefined) throw new Error('nothing to write');
  const platform = images[0] && platformOfParts(images[0]);
  return { ...only, descriptor: { ...descriptor, ...(platform !== undefined && { platform }) }, names };
}

function builtManifest(
  { descriptor, manifestBytes, manifest, configBytes }: ImageParts,
  { blobs, isTemporary }: BlobFiles,
): BuiltManifest {
  return {
    descriptor,
    manifestBytes,
    configDescriptor: manifest.config,
    configBytes,
    layers: manifest.layers.map((layer) => ({
      descriptor: layer,
      read: () => blobs.read(layer, 1 << 20),
      temporary: isTemporary ? blobs.path(layer.digest) : undefined,
    })),
  };
}

function refuseSeveral({ index, images }: WholeImage, { kind }: ImageFileOutput): void {
  if (kind !== 'docker' || index === undefined) return;
  const platforms = images.map(({ descriptor: { platform } }) =>
    platform === undefined ? 'unknown' : formatShortPlatform(platform),
  );
  throw new UsageError(
    'IMAGE',
    `Cannot write several platforms to a docker archive: it holds one image, this has ${platforms.join(', ')}`,
    {
      hint: 'Write an OCI archive, or choose one with --platform',
    },
  );
}

/** Such a layout is right by the specification, yet skopeo and podman pass such manifests over. */
function noteDockerTypes({ images }: WholeImage, { onNotice }: ImageSession): void {
  if (!images.some(({ manifest }) => formatOf(manifest.mediaType) === 'docker')) return;
  onNotice(
    'The image keeps its Docker media types, which skopeo and podman do not read from an OCI layout; copy with --format oci for them',
  );
}
