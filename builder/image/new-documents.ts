import { decodeManifest } from '../../registry/oci/decode.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { digestOf } from '../../registry/oci/digest.ts';
import { isManifestType, layerFormatOf } from '../../registry/oci/layer-format.ts';
import type { ImageIndex } from '../../registry/oci/manifest.ts';
import { layoutAnnotation } from '../contract/layouts.ts';
import { encodeIndex } from './encode.ts';
import { makeManifest } from './make-manifest.ts';
import { configTypeOf, type ImageFormat, indexTypeOf, manifestTypeOf } from './media-types.ts';
import type { ImageParts, IndexDocument, WholeImage } from './whole-image.ts';

/** The family that the media type of a manifest belongs to. */
export function formatOf(type: string): ImageFormat {
  return type === manifestTypeOf('docker') || type === indexTypeOf('docker') ? 'docker' : 'oci';
}

/** The image with the media types of a format; configurations and layers keep their bytes. What is no image, such as an attestation, stays. */
export function inFormat(whole: WholeImage, format: ImageFormat | undefined): WholeImage {
  if (format === undefined) return whole;
  const images = whole.images.map((parts) => {
    const { mediaType, layers } = parts.manifest;
    const isImage = parts.config !== undefined && layers.every((layer) => layerFormatOf(layer.mediaType) !== undefined);
    return isImage && formatOf(mediaType) !== format ? withManifest(parts, layers, format) : parts;
  });
  return { ...whole, images, index: whole.index && indexAround(whole.index, images, format) };
}

/** The image with other layers, or the same ones in another format, under a new manifest. */
export function withManifest(parts: ImageParts, layers: readonly Descriptor[], format: ImageFormat): ImageParts {
  const { manifest, layout } = parts;
  const told = layout === undefined ? manifest.annotations : { ...manifest.annotations, [layoutAnnotation]: String(layout) };
  const config = { ...manifest.config, mediaType: configTypeOf(format) };
  const made = makeManifest(config, layers, { format, annotations: told });
  const { platform, annotations } = parts.descriptor;
  return {
    ...parts,
    descriptor: { ...made.descriptor, ...(annotations && { annotations }), ...(platform && { platform }) },
    manifestBytes: made.bytes,
    manifest: decodeManifest(made.bytes, made.descriptor.mediaType),
  };
}

/** The index around its images in a new form; the same index when none of them changed. */
export function indexAround(original: IndexDocument, images: readonly ImageParts[], format?: ImageFormat): IndexDocument {
  const { index } = original;
  const mediaType = indexTypeOf(format ?? formatOf(index.mediaType));
  const leaving = images.map(({ descriptor }) => descriptor);
  const manifests = index.manifests.map((entry) => (isManifestType(entry.mediaType) ? (leaving.shift() ?? entry) : entry));
  const isSame = manifests.every(({ digest }, position) => digest === index.manifests[position]?.digest);
  return isSame && mediaType === index.mediaType ? original : indexDocument({ ...index, mediaType, manifests });
}

/** An index as a document of its own. */
export function indexDocument(index: ImageIndex): IndexDocument {
  const bytes = encodeIndex(index);
  return { descriptor: { mediaType: index.mediaType, digest: digestOf(bytes), size: bytes.byteLength }, bytes, index };
}
