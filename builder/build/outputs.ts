import type { BuildOptions, Output, OutputEpoch } from '../contract/options.ts';

/** What a build writes: what was asked for, else an image in the store. */
export function outputsOf({ outputs, tags = [] }: BuildOptions): readonly Output[] {
  return outputs ?? [{ kind: 'image', names: tags, push: false }];
}

/** False for the files of an image without the image, and for nothing. */
export function holdsImage({ kind }: Output): boolean {
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
