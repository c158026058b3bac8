import { mediaType } from '../../registry/oci/media-type.ts';

/** The two families of media types. */
export type ImageFormat = 'oci' | 'docker';

/** Media type of a manifest. */
export function manifestTypeOf(format: ImageFormat): string {
  return format === 'oci' ? mediaType.manifest : mediaType.dockerManifest;
}

/** Media type of an image configuration. */
export function configTypeOf(format: ImageFormat): string {
  return format === 'oci' ? mediaType.config : mediaType.dockerConfig;
}

/** Media type of an index, which Docker calls a manifest list. */
export function indexTypeOf(format: ImageFormat): string {
  return format === 'oci' ? mediaType.index : mediaType.dockerList;
}

interface LayerTypes {
  readonly oci: string;
  readonly docker: string;
}

// What is not to be given away keeps that property. Docker has no type for zstd of its own; this is the one that containerd gave it.
const layerTypes: readonly LayerTypes[] = [
  { oci: mediaType.layer, docker: mediaType.dockerLayer },
  { oci: mediaType.layerGzip, docker: mediaType.dockerLayerGzip },
  { oci: mediaType.layerZstd, docker: 'application/vnd.docker.image.rootfs.diff.tar.zstd' },
  {
    oci: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
    docker: 'application/vnd.docker.image.rootfs.foreign.diff.tar',
  },
  {
    oci: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    docker: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  },
  {
    oci: 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
    docker: 'application/vnd.docker.image.rootfs.foreign.diff.tar.zstd',
  },
];

/** The media type of a layer in the other family, or the same one. @throws Error for what is no layer */
export function layerTypeOf(type: string, format: ImageFormat): string {
  const types = layerTypes.find(({ oci, docker }) => oci === type || docker === type);
  if (types === undefined) throw new Error(`"${type}" is not the media type of a layer`);
  return types[format];
}
