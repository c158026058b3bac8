import type { BuildOptions, Output } from '../options.ts';

/** What a build writes: what was asked for, else an image in the store. */
export function outputsOf({ outputs, tags = [] }: BuildOptions): readonly Output[] {
  return outputs ?? [{ kind: 'image', names: tags, push: false }];
}

/** False for the files of an image without the image, and for nothing. */
export function holdsImage({ kind }: Output): boolean {
  return kind !== 'local' && kind !== 'tar' && kind !== 'none';
}
