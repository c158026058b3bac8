import { UsageError } from '../contract/errors.ts';
import type { Output, OutputEpoch } from '../contract/options.ts';
import type { OutputSettings, Settings } from '../settings/settings.ts';

/**
 * Refuses outputs that hold one image when there are several platforms.
 *
 * @throws UsageError
 */
export function checkOutputs({ isMultiPlatform, outputs }: Settings): void {
  if (!isMultiPlatform || !outputs.some(({ kind }) => kind === 'docker')) return;
  throw new UsageError('--output', 'Cannot write several platforms with type=docker: such an archive holds one image', {
    hint: 'Use type=oci, or one --platform without BUILDKIT_MULTI_PLATFORM',
  });
}

/** The names that an output pushes the image to. */
export function pushedNames(output: OutputSettings): readonly string[] {
  return output.kind === 'registry' || (output.kind === 'image' && output.push) ? output.names : [];
}

/** False for the files of an image without the image, and for nothing. */
export function holdsImage({ kind }: Pick<Output, 'kind'>): boolean {
  return kind !== 'local' && kind !== 'tar' && kind !== 'none';
}

/** The epoch that an output carries: its own, else the build's. undefined: none, so times stay those of the layers. */
export function epochOf(
  { sourceDateEpoch }: { readonly sourceDateEpoch: number | undefined },
  own: OutputEpoch | undefined,
): number | undefined {
  if (own === undefined) return sourceDateEpoch;
  return own === 'constant' ? undefined : own;
}
