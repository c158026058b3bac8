import type { LayerCompression } from '../../executor/protocol/messages.ts';
import { UsageError } from '../errors.ts';
import type { ImageFormat } from '../image/media-types.ts';
import type { BuildOptions, ImageOutputOptions, Output } from '../options.ts';

/** Everything besides the content that the bytes of an image depend on. */
export interface ImageForm {
  readonly format: ImageFormat;
  readonly compression: LayerCompression;
  /**
   * The image stays in the store: its layers are named by their uncompressed tars, which can be made from the snapshots at any time, so
   * no blob is written for them. With an explicit epoch the tars are others and have to be made to be known; then `compression` holds.
   */
  readonly isStoreOnly: boolean;
  readonly annotations: Readonly<Record<string, string>>;
}

/** gzip's own default. It is part of every digest, so changing it is a breaking change. */
const defaultGzipLevel = 6;
const defaultZstdLevel = 3;

/** The form of the image that an output wants. Throws UsageError for what is not possible. */
export function imageForm(options: BuildOptions, output: Output): ImageForm {
  const wanted: ImageOutputOptions = ('image' in output ? output.image : undefined) ?? {};
  if (wanted.forceCompression === true) {
    throw new UsageError('--output', 'Cannot compress the layers of base images again: force-compression is not supported yet');
  }
  const isStoreOnly = output.kind === 'image' && !output.push && wanted.compression === undefined;
  return {
    format: wanted.format ?? options.format ?? 'oci',
    compression: compressionOf(wanted),
    isStoreOnly,
    annotations: { ...options.annotations, ...wanted.annotations },
  };
}

/** Equal for forms that give the same bytes. */
export function formKey(form: ImageForm): string {
  return JSON.stringify([
    form.format,
    form.compression,
    form.isStoreOnly,
    Object.entries(form.annotations).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

/** How layers are compressed; gzip unless something else is wanted. */
export function compressionOf({
  compression = 'gzip',
  compressionLevel,
}: Pick<ImageOutputOptions, 'compression' | 'compressionLevel'>): LayerCompression {
  switch (compression) {
    case 'uncompressed':
      return { kind: 'none' };
    case 'gzip':
      return { kind: 'gzip', level: compressionLevel ?? defaultGzipLevel };
    case 'zstd':
      return { kind: 'zstd', level: compressionLevel ?? defaultZstdLevel };
    default:
      return unreachable(compression);
  }
}

function unreachable(value: never): never {
  throw new Error(`Unexpected compression ${String(value)}`);
}
