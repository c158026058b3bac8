import type { LayerCompression } from '../../executor/protocol/messages.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { UsageError } from '../contract/errors.ts';
import { type LayoutNumber, rulesOf } from '../contract/layouts.ts';
import type { ImageOutputOptions, OutputEpoch } from '../contract/options.ts';
import type { Annotation } from '../settings/annotations.ts';
import type { ImageOutputSettings, OutputSettings, Settings } from '../settings/settings.ts';
import { checkAnnotations, idleAnnotations } from './annotations.ts';
import type { ImageFormat } from './media-types.ts';

/** Everything besides the content that the bytes of an image depend on. */
export interface ImageForm {
  readonly layout: LayoutNumber;
  readonly format: ImageFormat;
  readonly compression: LayerCompression;
  /** Layers of base images get that compression too, where they have another one. */
  readonly isForced: boolean;
  /**
   * The image stays in the store: its layers are named by their uncompressed tars, which can be made from the snapshots at any time, so
   * no blob is written for them. With an explicit epoch the tars are others and have to be made to be known; then `compression` holds.
   */
  readonly isStoreOnly: boolean;
  readonly annotations: readonly Annotation[];
  /** undefined: the build's. */
  readonly epoch: OutputEpoch | undefined;
}

/** The form of the image that an output wants. @throws UsageError for what is not possible */
export function imageForm(options: Settings, output: OutputSettings): ImageForm {
  const wanted: ImageOutputSettings = 'image' in output ? output.image : { annotations: [] };
  const { layout } = options;
  const compression = layerCompressionOf(wanted, layout, '--output');
  const format = wanted.format ?? options.format ?? 'oci';
  if (format === 'docker' && compression.kind === 'zstd') throw dockerZstd('--output');
  const annotations = annotationsOf(options, wanted);
  const isForced = wanted.forceCompression === true;
  const isStoreOnly = output.kind === 'image' && !output.push && wanted.compression === undefined && !isForced;
  const epoch = wanted.sourceDateEpoch;
  if (format === 'docker') refuseAnnotations(annotations);
  return { layout, format, compression, isForced, isStoreOnly, epoch, annotations };
}

function refuseAnnotations([first]: readonly Annotation[]): void {
  if (first === undefined) return;
  throw new UsageError(
    '--annotation',
    `Cannot annotate the image with "${first.name}": Docker's media types have no annotations`,
    {
      hint: 'Use the media types of OCI, without --format docker or oci-mediatypes=false; or use --label',
    },
  );
}

/** Those of the output come last, where they win. */
function annotationsOf({ annotations, isMultiPlatform }: Settings, wanted: ImageOutputSettings): readonly Annotation[] {
  const made = { hasIndex: isMultiPlatform };
  checkAnnotations(annotations, made, '--annotation');
  checkAnnotations(wanted.annotations, made, '--output');
  return [...annotations, ...wanted.annotations];
}

/** What to say of what the images of these outputs are asked to carry, and have no place for. */
export function formNotices(options: Settings, outputs: readonly OutputSettings[]): readonly string[] {
  const annotations = outputs.flatMap((output) => imageForm(options, output).annotations);
  return [...new Set(idleAnnotations(annotations, options.platforms))];
}

/** Docker never gave zstd a media type; skopeo and podman refuse the one that containerd made up. */
export function dockerZstd(flag: string): UsageError {
  return new UsageError(flag, "Cannot compress layers with zstd: Docker's media types have none for it", {
    hint: 'Use the media types of OCI: build or copy the image with --format oci',
  });
}

/** Equal for forms that give the same bytes. */
export function formKey(form: ImageForm): string {
  const { layout, format, compression, isForced, isStoreOnly, annotations, epoch } = form;
  return JSON.stringify([layout, format, compression, isForced, isStoreOnly, annotations, epoch]);
}

/** The compression that somebody asks for. */
export type WantedCompression = Pick<ImageOutputOptions, 'compression' | 'compressionLevel'>;

/** How layers are compressed; gzip unless something else is wanted. @throws UsageError, naming the flag, for a level that does not exist */
export function layerCompressionOf(
  { compression = 'gzip', compressionLevel }: WantedCompression,
  layout: LayoutNumber,
  flag: string,
): LayerCompression {
  const { gzip, zstd, cut } = rulesOf(layout);
  switch (compression) {
    case 'uncompressed':
      return { kind: 'none' };
    case 'gzip':
      return {
        kind: 'gzip',
        compressor: gzip.compressor,
        level: levelIn(compressionLevel ?? gzip.level, { kind: 'gzip', lowest: 0, highest: 9, flag }),
        cut,
      };
    case 'zstd':
      return {
        kind: 'zstd',
        compressor: zstd.compressor,
        level: levelIn(compressionLevel ?? zstd.level, { kind: 'zstd', lowest: 1, highest: 22, flag }),
        cut,
      };
    default:
      return unreachable(compression);
  }
}

interface LevelRange {
  readonly kind: string;
  readonly lowest: number;
  readonly highest: number;
  readonly flag: string;
}

function levelIn(level: number, { kind, lowest, highest, flag }: LevelRange): number {
  if (Number.isInteger(level) && level >= lowest && level <= highest) return level;
  throw new UsageError(flag, `Cannot compress with ${kind} at level ${level}: its levels are ${lowest} to ${highest}`);
}
