import type { LayerCompression } from '../../executor/protocol/messages.ts';
import { decodeManifest } from '../../registry/oci/decode.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { digestOf } from '../../registry/oci/digest.ts';
import { isManifestType } from '../../registry/oci/layer-format.ts';
import { layerBlobs } from '../deliver/layer-blobs.ts';
import { encodeIndex } from '../image/encode.ts';
import { makeManifest } from '../image/make-manifest.ts';
import { configTypeOf, type ImageFormat, indexTypeOf, manifestTypeOf } from '../image/media-types.ts';
import { rootOfImage } from '../solve/root-state.ts';
import { storeBlobs } from '../source/image-lookup.ts';
import { localLayersOf } from '../source/local-layers.ts';
import type { ImageSession } from './image-session.ts';
import { readStoredImage, type StoredManifest } from './stored-images.ts';
import type { ImageParts, IndexDocument, WholeImage } from './whole-image.ts';

/** The form in which an image leaves the store. */
export interface LeavingForm {
  /** Of the layers that were made here; those of base images go as they are. */
  readonly compression: LayerCompression;
  /** undefined: as it is. */
  readonly format?: ImageFormat | undefined;
}

/**
 * An image of the store as others can take it. Layers that were made here are named by their tars in the store; they are compressed now,
 * which makes new manifests around the same configurations: those that a build which pushes at once would have made. An image without
 * such layers keeps every byte. Throws StoreError, EnvironmentError, ExecutorError.
 */
export async function openStored(descriptor: Descriptor, form: LeavingForm, session: ImageSession): Promise<WholeImage> {
  // What is read from here on must not be pruned.
  await session.store.hold();
  const { index, manifests } = await readStoredImage(session.store, descriptor);
  const images: ImageParts[] = [];
  for (const stored of manifests) images.push(await leavingImage(stored, form, session));
  return { index: index && leavingIndex(index, images, form), images, isStored: true };
}

/** The image as it is in the store, without its local layers being made. */
export async function openAsStored(descriptor: Descriptor, session: ImageSession): Promise<WholeImage> {
  const { index, manifests } = await readStoredImage(session.store, descriptor);
  return { index, images: manifests.map((stored) => partsOf(stored, session)), isStored: true };
}

async function leavingImage(stored: StoredManifest, form: LeavingForm, session: ImageSession): Promise<ImageParts> {
  const parts = partsOf(stored, session);
  const { manifest, config } = stored;
  if (config === undefined) return parts;
  const localLayers = await localLayersOf(session.store, { manifest, config });
  const present = formatOf(manifest.mediaType);
  const format = form.format ?? present;
  if (localLayers.size === 0 && format === present) return parts;
  const root = rootOfImage({ reference: stored.descriptor.digest, manifest, config, blobs: parts.blobs, localLayers });
  const layers = await layerBlobs(root.layers, { compression: form.compression, isStoreOnly: false, epoch: undefined }, session);
  const made = makeManifest(
    { ...manifest.config, mediaType: configTypeOf(format) },
    layers.map((layer) => layer.descriptor),
    { format, annotations: manifest.annotations },
  );
  return converted(parts, made);
}

function converted(parts: ImageParts, made: ReturnType<typeof makeManifest>): ImageParts {
  const { descriptor, bytes } = made;
  const { platform, annotations } = parts.descriptor;
  return {
    ...parts,
    descriptor: { ...descriptor, ...(annotations !== undefined && { annotations }), ...(platform !== undefined && { platform }) },
    manifestBytes: bytes,
    manifest: decodeManifest(bytes, descriptor.mediaType),
  };
}

/** The index around the images in their new form. */
function leavingIndex(original: IndexDocument, images: readonly ImageParts[], { format }: LeavingForm): IndexDocument {
  const { index } = original;
  const present = index.mediaType === indexTypeOf('docker') ? 'docker' : 'oci';
  const leaving = images.map(({ descriptor }) => descriptor);
  const manifests = index.manifests.map((entry) => (isManifestType(entry.mediaType) ? (leaving.shift() ?? entry) : entry));
  const isSame = manifests.every(({ digest }, position) => digest === index.manifests[position]?.digest);
  if (isSame && (format ?? present) === present) return original;
  return indexDocument({ ...index, mediaType: indexTypeOf(format ?? present), manifests });
}

/** An index as a document of its own. */
export function indexDocument(index: IndexDocument['index']): IndexDocument {
  const bytes = encodeIndex(index);
  return { descriptor: { mediaType: index.mediaType, digest: digestOf(bytes), size: bytes.byteLength }, bytes, index };
}

function partsOf({ descriptor, bytes, manifest, configBytes }: StoredManifest, { store }: ImageSession): ImageParts {
  return { descriptor, manifestBytes: bytes, manifest, configBytes, blobs: storeBlobs(store) };
}

function formatOf(type: string): ImageFormat {
  return type === manifestTypeOf('docker') ? 'docker' : 'oci';
}
