import { documentError, RegistryError } from '../errors/registry-error.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatShortPlatform, type Platform } from '../oci/platform.ts';
import { choosePlatform, platformsOf } from '../oci/platform-match.ts';
import type { FetchedManifest } from './fetched-manifest.ts';

const deepestIndex = 3;

export interface ChooseOptions {
  readonly platform: Platform;
  /** After "Cannot". */
  readonly purpose: string;
  readonly fetchEntry: (entry: Descriptor) => Promise<FetchedManifest>;
}

/** Goes down from an index to the one image for a platform. @throws RegistryError; `platform-unknown` lists what there is */
export async function chooseImage(root: FetchedManifest, options: ChooseOptions): Promise<FetchedManifest> {
  let current = root;
  for (let depth = 0; current.document.kind === 'index'; depth += 1) {
    if (depth === deepestIndex) throw documentError(new Error('indexes are nested too deeply'), options.purpose);
    current = await options.fetchEntry(chooseEntry(current.document.index.manifests, options));
  }
  return current;
}

/** The entry for a platform. @throws RegistryError `platform-unknown` */
export function chooseEntry(
  entries: readonly Descriptor[],
  { platform, purpose }: Omit<ChooseOptions, 'fetchEntry'>,
): Descriptor {
  const entry = choosePlatform(entries, platform);
  if (entry !== undefined) return entry;
  const available = platformsOf(entries);
  const what = available.length === 0 ? 'it holds no image' : `it is there for ${available.join(', ')}`;
  throw new RegistryError('platform-unknown', `Cannot ${purpose} for ${formatShortPlatform(platform)}: ${what}`, {
    side: 'registry',
    hint: available.length === 0 ? undefined : 'Choose one of them with --platform',
  });
}
