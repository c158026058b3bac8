import type { Descriptor } from './descriptor.ts';
import { isIndexType, isManifestType } from './layer-format.ts';
import { formatShortPlatform, normalisePlatform, type Platform } from './platform.ts';

/** True when an image for `offered` runs where `wanted` is asked for: the same platform, or an older variant of it. */
export function platformMatches(wanted: Platform, offered: Platform): boolean {
  return rankOf(normalisePlatform(wanted), normalisePlatform(offered)) !== undefined;
}

/** How good a match is, 0 the best; undefined: none. */
function rankOf(wanted: Platform, offered: Platform): number | undefined {
  if (wanted.os !== offered.os || wanted.architecture !== offered.architecture) return undefined;
  if (wanted['os.version'] !== undefined && wanted['os.version'] !== offered['os.version']) return undefined;
  const rank = runnableVariants(wanted).indexOf(offered.variant);
  return rank < 0 ? undefined : rank;
}

/** The variants that run on a machine, best first. */
function runnableVariants({ architecture, variant }: Platform): readonly (string | undefined)[] {
  const number = Number(/^v(\d+)/.exec(variant ?? '')?.[1]);
  if (architecture === 'arm') return Number.isNaN(number) ? [variant] : countdown(number, 5);
  if (architecture === 'amd64' && !Number.isNaN(number)) return [...countdown(number, 2), undefined];
  return variant === undefined ? [undefined] : [variant, undefined];
}

function countdown(from: number, to: number): readonly string[] {
  return Array.from({ length: Math.max(0, Math.min(from, 99) - to + 1) }, (_, index) => `v${from - index}`);
}

/**
 * The entry of an index for a platform: the best match, the first among equals; an entry that names no platform is taken when nothing else
 * matches. undefined: there is none.
 */
export function choosePlatform(entries: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const images = entries.filter((entry) => isManifestType(entry.mediaType) || isIndexType(entry.mediaType));
  const target = normalisePlatform(wanted);
  let best: { readonly entry: Descriptor; readonly rank: number } | undefined;
  for (const entry of images) {
    const rank = entry.platform && rankOf(target, normalisePlatform(entry.platform));
    if (rank !== undefined && (best === undefined || rank < best.rank)) best = { entry, rank };
  }
  return best?.entry ?? images.find((entry) => entry.platform === undefined);
}

/** The platforms of an index for a message, without those of attestations, which say `unknown`. */
export function platformsOf(entries: readonly Descriptor[]): readonly string[] {
  const names = entries
    .flatMap(({ platform }) => (platform === undefined ? [] : [formatShortPlatform(normalisePlatform(platform))]))
    .filter((name) => !name.startsWith('unknown'));
  return [...new Set(names)];
}
