import type { ImageSession } from '../../../places/image-session.ts';
import { parseImageLocation } from '../../../places/location.ts';
import { openSource, type WantedPlatforms } from '../../../places/open-source.ts';
import {
  addToList,
  annotateList,
  createList,
  type EntryChanges,
  entryDigest,
  type ManifestList,
  openList,
  removeFromList,
} from '../../../shelf/manifest-list.ts';
import type { Flag } from '../../flags/flag.ts';
import { readWholePairs } from '../../flags/key-values.ts';
import { mediaFormat } from '../../flags/leaving-flags.ts';
import type { ParsedFlags } from '../../flags/parse-flags.ts';
import { registryFlags } from '../../flags/shared-flags.ts';
import { inSession, platformFlags, platformsWanted, quietFlag, registrySettings } from '../../kinds/in-session.ts';
import type { OpenedStore, StoreCommand } from '../../kinds/store-command.ts';

const many = Number.POSITIVE_INFINITY;

const entryFlags: readonly Flag[] = [
  { long: '--os', value: 'OS', group: 'Entry', help: 'Operating system that the list says' },
  { long: '--arch', value: 'ARCH', group: 'Entry', help: 'Architecture that the list says' },
  { long: '--variant', value: 'VARIANT', group: 'Entry', help: 'Variant of the architecture that the list says' },
  { long: '--os-version', value: 'VERSION', group: 'Entry', help: 'Version of the operating system that the list says' },
  { long: '--annotation', value: 'NAME=VALUE', repeats: true, group: 'Entry', help: 'Annotation' },
];

const sourceFlags: readonly Flag[] = [...platformFlags('Which'), ...registryFlags('Registries'), quietFlag];

/** `tsbuild manifest create`. */
export const manifestCreate: StoreCommand = {
  name: 'manifest create',
  operands: 'LIST [IMAGE...]',
  leastOperands: 1,
  mostOperands: many,
  summary: 'Makes a list, empty or of images: names of the store, or docker://NAME, oci:FOLDER and the like',
  flags: [
    { long: '--amend', group: 'List', help: 'Go on with a list that is there already' },
    {
      long: '--format',
      value: 'FORMAT',
      group: 'List',
      help: 'Media types of the list and its images: oci (default: of the list alone) or docker',
    },
    ...sourceFlags,
  ],
  run: create,
};

/** `tsbuild manifest add`. */
export const manifestAdd: StoreCommand = {
  name: 'manifest add',
  operands: 'LIST IMAGE...',
  leastOperands: 2,
  mostOperands: many,
  summary: 'Adds images to a list; one of the same platform is replaced',
  flags: [...entryFlags, ...sourceFlags],
  run: add,
};

/** `tsbuild manifest annotate`. */
export const manifestAnnotate: StoreCommand = {
  name: 'manifest annotate',
  operands: 'LIST [IMAGE]',
  leastOperands: 1,
  mostOperands: 2,
  summary: 'Changes what a list says of an image (a digest of the list, or a name), or annotates the list itself',
  flags: [...entryFlags, quietFlag],
  run: annotate,
};

/** `tsbuild manifest remove`. */
export const manifestRemove: StoreCommand = {
  name: 'manifest remove',
  operands: 'LIST IMAGE',
  leastOperands: 2,
  mostOperands: 2,
  summary: 'Takes an image (a digest of the list, or a name) out of a list',
  run: remove,
};

async function create(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const [name = '', ...images] = parsed.operands;
  return inSession(opened, parsed, async (session) => {
    const isThere = parsed.isOn('--amend') === true && (await hasList(name, session));
    const format = mediaFormat(parsed) ?? 'oci';
    const list = isThere ? await openList(name, session) : await createList(name, { format, isReplaced: false }, session);
    const platforms = platformsWanted(parsed, opened);
    return finish(await addAll(list, { images, parsed, platforms, changes: {} }, session), opened);
  });
}

async function hasList(name: string, session: ImageSession): Promise<boolean> {
  const { storedName } = await import('../../../places/stored-images.ts');
  return (await session.store.images.get(storedName(name))) !== undefined;
}

async function add(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const [name = '', ...images] = parsed.operands;
  return inSession(opened, parsed, async (session) => {
    const list = await openList(name, session);
    const platforms = platformsWanted(parsed, opened);
    return finish(await addAll(list, { images, parsed, platforms, changes: changesOf(parsed) }, session), opened);
  });
}

interface AddRequest {
  readonly images: readonly string[];
  readonly parsed: ParsedFlags;
  readonly platforms: WantedPlatforms;
  readonly changes: EntryChanges;
}

async function addAll(list: ManifestList, adding: AddRequest, session: ImageSession): Promise<ManifestList> {
  const { images, parsed, platforms, changes } = adding;
  const reading = { platforms, registry: registrySettings(parsed), leaving: undefined } as const;
  let grown = list;
  for (const image of images) {
    const location = hasKind(image) ? parseImageLocation(image) : ({ kind: 'store', name: image } as const);
    const whole = await openSource(location, reading, session);
    grown = await addToList(grown, { whole, changes }, session);
  }
  return grown;
}

/** A bare name is one of the store. */
function hasKind(text: string): boolean {
  return /^(docker:\/\/|store:|oci:|oci-layout:|oci-archive:|docker-archive:)/.test(text);
}

async function annotate(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const [name = '', image] = parsed.operands;
  return inSession(opened, parsed, async (session) => {
    const list = await openList(name, session);
    const digest = image === undefined ? undefined : await entryDigest(list, image, session);
    return finish(await annotateList(list, { digest, changes: changesOf(parsed) }, session), opened);
  });
}

async function remove(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const [name = '', image = ''] = parsed.operands;
  return inSession(opened, parsed, async (session) => {
    const list = await openList(name, session);
    return finish(await removeFromList(list, await entryDigest(list, image, session), session), opened);
  });
}

function changesOf(parsed: ParsedFlags): EntryChanges {
  const annotations = parsed.all('--annotation');
  return {
    os: parsed.last('--os'),
    architecture: parsed.last('--arch'),
    variant: parsed.last('--variant'),
    osVersion: parsed.last('--os-version'),
    annotations: annotations.length === 0 ? undefined : readWholePairs('--annotation', annotations),
  };
}

function finish({ document }: ManifestList, { context }: OpenedStore): number {
  context.stdout.write(`${document.descriptor.digest}\n`);
  return 0;
}
