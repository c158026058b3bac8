import { type Platform, parsePlatform } from '../../registry/oci/platform.ts';
import { UsageError } from '../contract/errors.ts';
import { layoutAnnotation } from '../contract/layouts.ts';

/** The documents that can carry annotations, and the descriptors of them. */
const annotationLevels = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor'] as const;
export type AnnotationLevel = (typeof annotationLevels)[number];

/** One annotation, and where it goes. */
export interface Annotation {
  readonly level: AnnotationLevel;
  /** undefined: the images of all platforms. */
  readonly platform: Platform | undefined;
  readonly name: string;
  readonly value: string;
}

/**
 * Reads annotations as docker buildx spells them: `NAME` is one of each manifest; `LEVEL:NAME`, `LEVEL[PLATFORM]:NAME`, and several levels
 * with commas between them, say more. `flag` is the flag that messages name.
 *
 * @throws UsageError
 */
export function parseAnnotations(record: Readonly<Record<string, string>>, flag: string): readonly Annotation[] {
  return Object.entries(record).flatMap(([key, value]) => {
    const colon = key.indexOf(':');
    const name = key.slice(colon + 1);
    if (name === '') throw new UsageError(flag, `Cannot use ${flag} "${key}": an annotation needs a name`);
    if (name === layoutAnnotation) throw ownName(flag);
    const places = colon < 0 ? [{ level: 'manifest', platform: undefined } as const] : placesOf(key.slice(0, colon), flag);
    return places.map((place) => ({ ...place, name, value }));
  });
}

/** True for the levels that only an index has. */
export function isOfIndex(level: AnnotationLevel): boolean {
  return level === 'index' || level === 'index-descriptor';
}

/** Whoever reads it relies on it. */
function ownName(flag: string): UsageError {
  return new UsageError(flag, `Cannot annotate the image with "${layoutAnnotation}": it tells the layout that the image has`, {
    hint: 'To build with another layout: --layout N',
  });
}

function placesOf(text: string, flag: string): readonly Pick<Annotation, 'level' | 'platform'>[] {
  return text.split(',').map((place) => {
    const [, word = '', platform] = /^([a-z-]+)(?:\[([^\]]+)\])?$/.exec(place) ?? [];
    const level = annotationLevels.find((known) => known === word);
    if (level === undefined) {
      throw new UsageError(flag, `Cannot annotate "${place}": there is no such level`, {
        hint: `Levels are ${annotationLevels.join(', ')}, with a platform as in manifest[linux/arm64]; a name that holds ":" needs one`,
      });
    }
    if (platform !== undefined && isOfIndex(level)) {
      throw new UsageError(flag, `Cannot annotate "${place}": an index is of all platforms`);
    }
    return { level, platform: platform === undefined ? undefined : platformIn(platform, flag) };
  });
}

function platformIn(text: string, flag: string): Platform {
  const platform = parsePlatform(text);
  if (platform !== undefined && text.includes('/')) return platform;
  throw new UsageError(flag, `Cannot annotate the platform "${text}": expected OS/ARCHITECTURE[/VARIANT]`);
}
