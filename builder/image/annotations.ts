import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { formatPlatform, type Platform } from '../../registry/oci/platform.ts';
import { UsageError } from '../contract/errors.ts';
import { type Annotation, type AnnotationLevel, isOfIndex } from '../settings/annotations.ts';

/** What a document or descriptor carries; undefined for nothing. What is said of its platform wins over what is said of all. */
export function annotationsAt(
  annotations: readonly Annotation[],
  level: AnnotationLevel,
  platform?: Platform,
): Readonly<Record<string, string>> | undefined {
  const own = platform && formatPlatform(platform);
  const general = annotations.filter((one) => one.level === level && one.platform === undefined);
  const special = annotations.filter((one) => one.level === level && one.platform && formatPlatform(one.platform) === own);
  const found = [...general, ...special].map(({ name, value }) => [name, value]);
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** A descriptor with what is said of it at its level. */
export function annotated(descriptor: Descriptor, ...of: Parameters<typeof annotationsAt>): Descriptor {
  const annotations = annotationsAt(...of);
  return annotations === undefined ? descriptor : { ...descriptor, annotations };
}

/** Refuses annotations of an index where none is made. @throws UsageError */
export function checkAnnotations(
  annotations: readonly Annotation[],
  { hasIndex }: { readonly hasIndex: boolean },
  flag: string,
): void {
  const ofIndex = annotations.find(({ level }) => isOfIndex(level));
  if (ofIndex === undefined || hasIndex) return;
  throw new UsageError(flag, `Cannot annotate the index with "${ofIndex.name}": an image of one platform has no index`, {
    hint: 'Give several platforms, or leave "index:" out to annotate the manifest',
  });
}

/**
 * What to say of annotations of platforms that are not built. They go nowhere, as in BuildKit, so that one command line serves several
 * selections of platforms. (BuildKit exporter/containerimage/annotations.go)
 */
export function idleAnnotations(annotations: readonly Annotation[], platforms: readonly Platform[]): readonly string[] {
  const built = new Set(platforms.map(formatPlatform));
  return annotations.flatMap(({ name, platform }) => {
    const wanted = platform && formatPlatform(platform);
    if (wanted === undefined || built.has(wanted)) return [];
    return [`The annotation "${name}" of ${wanted} is left out: this build is for ${[...built].join(', ')}`];
  });
}
