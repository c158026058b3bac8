import { UsageError } from '../../contract/errors.ts';
import type { PatternToken } from '../../patterns/pattern.ts';
import { compileTokens } from '../../patterns/token-matcher.ts';
import { type ListedImage, listImages } from '../../shelf/list-images.ts';
import { bytes } from '../../show/units.ts';
import type { Flag } from '../flags/flag.ts';
import { splitPair } from '../flags/key-values.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../kinds/store-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';
import { formatFlags, listingText } from '../terminal/listing.ts';

const flags: readonly Flag[] = [
  {
    long: '--filter',
    short: '-f',
    value: 'NAME=VALUE',
    repeats: true,
    group: 'Which',
    help: 'reference=PATTERN (with * and ?), label=NAME[=VALUE] or platform=OS/ARCH',
  },
  ...formatFlags,
  { long: '--no-trunc', group: 'Output', help: 'Ids in full' },
  { long: '--digests', group: 'Output', help: 'A column with the digests of the manifests' },
  { long: '--quiet', short: '-q', group: 'Output', help: 'Print image ids only' },
];

/** What the command takes. Exported for tests. */
export const imagesCommand: StoreCommand = {
  name: 'images',
  operands: '[NAME]',
  leastOperands: 0,
  mostOperands: 1,
  summary: 'Lists the images in the store',
  reads: true,
  flags,
  run: showImages,
};

/** `tsbuild images`. */
export async function runImages(context: CommandContext): Promise<number> {
  return runStoreCommand(imagesCommand, context);
}

async function showImages(parsed: ParsedFlags, { store, context }: OpenedStore): Promise<number> {
  const [name] = parsed.operands;
  const filters = parsed.all('--filter').map(filterOf);
  if (name !== undefined) filters.push(referenceFilter(name));
  const images = (await listImages(store)).filter((image) => filters.every((matches) => matches(image)));
  if (parsed.isOn('--quiet') === true) {
    const ids = new Set(images.map(({ id }) => id));
    context.stdout.write([...ids].map((id) => `${shortId(id, parsed)}\n`).join(''));
  } else {
    context.stdout.write(listingText({ items: images, rows: () => rowsOf(images, parsed) }, parsed));
  }
  return 0;
}

function rowsOf(images: readonly ListedImage[], parsed: ParsedFlags): readonly (readonly string[])[] {
  const hasDigests = parsed.isOn('--digests') === true;
  const heading = ['REPOSITORY', 'TAG', ...(hasDigests ? ['DIGEST'] : []), 'IMAGE ID', 'PLATFORM', 'SIZE'];
  const rows = images.map(({ repository, tag, digest, id, platforms, size }) => [
    repository,
    tag,
    ...(hasDigests ? [digest] : []),
    shortId(id, parsed),
    platforms.join(','),
    bytes(size),
  ]);
  return [heading, ...rows];
}

function shortId(id: string, parsed: ParsedFlags): string {
  return parsed.isOn('--no-trunc') === true ? id : id.slice('sha256:'.length, 'sha256:'.length + 12);
}

type Filter = (image: ListedImage) => boolean;

function filterOf(text: string): Filter {
  const [kind, value = ''] = splitPair(text);
  switch (kind) {
    case 'reference':
      return referenceFilter(value);
    case 'platform':
      return ({ platforms }) => platforms.includes(value);
    case 'label': {
      const [name, wanted] = splitPair(value);
      return ({ labels }) => Object.hasOwn(labels, name) && (wanted === undefined || labels[name] === wanted);
    }
    default:
      throw new UsageError('--filter', `Cannot filter by "${kind}": expected reference, label or platform`);
  }
}

/** `app*` means the last part of the name; with a slash more parts have to match. A tag is asked for after a colon. */
function referenceFilter(pattern: string): Filter {
  const matcher = compileTokens(Array.from(pattern, tokenOf));
  const hasTag = pattern.lastIndexOf(':') > pattern.lastIndexOf('/');
  return ({ name }) => ends(name, hasTag).some((text) => matcher.matches(text));
}

function tokenOf(character: string): PatternToken {
  switch (character) {
    case '*':
      return { kind: 'any' };
    case '?':
      return { kind: 'one' };
    default:
      return { kind: 'text', text: character };
  }
}

/** What a pattern may be about: a name without its first parts, without its digest, and without its tag unless that is asked for. */
function ends(name: string, hasTag: boolean): readonly string[] {
  const [undigested = ''] = name.split('@', 1);
  const forms = [name, undigested, ...(hasTag ? [] : [undigested.replace(/:[^/:]*$/, '')])];
  return forms.flatMap((form) => {
    const parts = form.split('/');
    return parts.map((_, index) => parts.slice(index).join('/'));
  });
}
