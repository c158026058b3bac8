import { UsageError } from '../contract/errors.ts';
import type { ImageOutputOptions, Output } from '../contract/options.ts';
import { byKind, listOf, membersOf, objectOf, optional, recordOf } from './collections.ts';
import { imageName } from './image-name.ts';
import type { OptionPlace, Rule } from './rule.ts';
import { boolean, name, parsedBy, someText, text, wholeNumber, word } from './values.ts';

/** Names of images, which have no digest: that follows from the image. */
export const imageNames: Rule = listOf(parsedBy((given) => imageName('--tag', given)));

const imageRules: Readonly<Record<keyof ImageOutputOptions, Rule>> = {
  compression: optional(word('gzip', 'zstd', 'uncompressed')),
  compressionLevel: optional(wholeNumber(0)),
  forceCompression: optional(boolean),
  format: optional(word('oci', 'docker')),
  annotations: optional(recordOf(name, text)),
  names: optional(imageNames),
  sourceDateEpoch: optional(epoch),
};

const image = optional(objectOf(imageRules));
const files = { destination: someText, platformSplit: optional(boolean), sourceDateEpoch: optional(epoch) };

/** The members of each kind of output. */
const kinds: { readonly [Kind in Output['kind']]: RulesOf<Output & { kind: Kind }> } = {
  oci: { destination: someText, isArchive: boolean, image },
  docker: { destination: someText, image },
  local: files,
  tar: files,
  registry: { names: imageNames, image },
  image: { names: imageNames, push: boolean, image },
  none: {},
};

type RulesOf<T> = Readonly<Record<Exclude<keyof T, 'kind'>, Rule>>;

const outputList = listOf(byKind(kinds));

/** The outputs of a build, one by one and together. */
export function outputs(value: unknown, place: OptionPlace): void {
  outputList(value, place);
  if (!Array.isArray(value)) return;
  const streams = value.map((output) => membersOf(output, place)).filter(({ destination }) => destination === '-');
  if (streams.length > 1) throw refused('two outputs to standard output: they would mix');
  const isNameless = value.some((output) => isPushedNowhere(membersOf(output, place)));
  if (isNameless) throw new UsageError('--output', 'Cannot push: the image has no name', { hint: 'Give its output names' });
  if (streams.some(({ kind, isArchive }) => kind === 'local' || isArchive === false)) {
    throw refused('a folder to standard output: only a file can go there');
  }
}

function epoch(value: unknown, place: OptionPlace): void {
  if (value !== 'constant') wholeNumber(0)(value, place);
}

function isPushedNowhere({ kind, push, names }: Readonly<Record<string, unknown>>): boolean {
  return (kind === 'registry' || (kind === 'image' && push === true)) && Array.isArray(names) && names.length === 0;
}

function refused(why: string): UsageError {
  return new UsageError('--output', `Cannot write ${why}`);
}
