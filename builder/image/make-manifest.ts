import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { digestOf } from '../../registry/oci/digest.ts';
import type { ImageConfig } from '../../registry/oci/image-config.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import { encodeConfig, encodeIndex, encodeManifest } from './encode.ts';
import { configTypeOf, type ImageFormat, indexTypeOf, layerTypeOf, manifestTypeOf } from './media-types.ts';

/** A document and what names it. */
export interface EncodedDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** How a manifest is written. */
export interface ManifestOptions {
  readonly format: ImageFormat;
  /** The Docker format has none; they are left out there. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** The configuration as a blob. */
export function makeConfigBlob(config: ImageConfig, format: ImageFormat): EncodedDocument {
  return encoded(configTypeOf(format), encodeConfig(config));
}

/**
 * The manifest of one image. Layers keep their digests; their media types become those of the format.
 *
 * @throws Error for a layer whose media type is no layer's
 */
export function makeManifest(config: Descriptor, layers: readonly Descriptor[], options: ManifestOptions): EncodedDocument {
  const { format, annotations } = options;
  const type = manifestTypeOf(format);
  const bytes = encodeManifest({
    schemaVersion: 2,
    mediaType: type,
    config: { mediaType: configTypeOf(format), digest: config.digest, size: config.size },
    layers: layers.map((layer) => layerDescriptor(layer, format)),
    ...(format === 'oci' && annotations !== undefined && { annotations }),
  });
  return encoded(type, bytes);
}

/** The index of the images of several platforms, in the order given. */
export function makeIndex(
  manifests: readonly { readonly descriptor: Descriptor; readonly platform: Platform }[],
  { format, annotations }: ManifestOptions,
): EncodedDocument {
  const type = indexTypeOf(format);
  const bytes = encodeIndex({
    schemaVersion: 2,
    mediaType: type,
    manifests: manifests.map(({ descriptor, platform }) => ({ ...descriptor, platform })),
    ...(format === 'oci' && annotations !== undefined && { annotations }),
  });
  return encoded(type, bytes);
}

function encoded(type: string, bytes: Uint8Array): EncodedDocument {
  return { descriptor: { mediaType: type, digest: digestOf(bytes), size: bytes.byteLength }, bytes };
}

function layerDescriptor({ mediaType: type, digest, size, urls, annotations }: Descriptor, format: ImageFormat): Descriptor {
  return {
    mediaType: layerTypeOf(type, format),
    digest,
    size,
    ...(urls !== undefined && { urls }),
    ...(annotations !== undefined && format === 'oci' && { annotations }),
  };
}
