import { mediaType } from './media-type.ts';

/** How a layer's bytes are to be read. */
export interface LayerFormat {
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Not to be pushed: the bytes are at the descriptor's `urls`. (image-spec, layer.md "Non-Distributable Layers") */
  readonly isForeign: boolean;
}

const foreignTypes: Readonly<Record<string, LayerFormat['compression']>> = {
  'application/vnd.oci.image.layer.nondistributable.v1.tar': 'none',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd': 'zstd',
  'application/vnd.docker.image.rootfs.foreign.diff.tar': 'none',
  'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip': 'gzip',
};

const types: Readonly<Record<string, LayerFormat['compression']>> = {
  [mediaType.layer]: 'none',
  [mediaType.layerGzip]: 'gzip',
  [mediaType.layerZstd]: 'zstd',
  [mediaType.dockerLayer]: 'none',
  [mediaType.dockerLayerGzip]: 'gzip',
  // Written by containers tools although Docker never defined it.
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'zstd',
};

/** What a layer's media type says; undefined when it is not that of a layer. */
export function layerFormatOf(type: string): LayerFormat | undefined {
  const own = Object.hasOwn(types, type) ? types[type] : undefined;
  if (own !== undefined) return { compression: own, isForeign: false };
  const foreign = Object.hasOwn(foreignTypes, type) ? foreignTypes[type] : undefined;
  return foreign === undefined ? undefined : { compression: foreign, isForeign: true };
}

/** True for image indexes of OCI and manifest lists of Docker. */
export function isIndexType(type: string): boolean {
  return type === mediaType.index || type === mediaType.dockerList;
}

/** True for manifests of one image. */
export function isManifestType(type: string): boolean {
  return type === mediaType.manifest || type === mediaType.dockerManifest;
}
