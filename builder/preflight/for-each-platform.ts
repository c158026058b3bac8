import type { Diagnostic } from '../../parser/mistakes/errors.ts';
import { formatPlatform, type Platform } from '../../registry/oci/platform.ts';

/** What was found for one platform. */
export interface PlatformFindings {
  readonly platform: Platform;
  readonly findings: readonly Diagnostic[];
}

/** Each finding once, in the order of being found. One that does not hold for all platforms names those that it holds for. */
export function eachOnce(all: readonly PlatformFindings[]): readonly Diagnostic[] {
  const found = new Map<string, { readonly finding: Diagnostic; readonly platforms: Set<string> }>();
  for (const { platform, findings } of all) {
    for (const finding of findings) {
      const key = JSON.stringify(finding);
      const known = found.get(key) ?? { finding, platforms: new Set() };
      known.platforms.add(formatPlatform(platform));
      found.set(key, known);
    }
  }
  const isForAll = (platforms: ReadonlySet<string>): boolean => platforms.size === all.length;
  return [...found.values()].map(({ finding, platforms }) => (isForAll(platforms) ? finding : named(finding, [...platforms])));
}

function named(finding: Diagnostic, platforms: readonly string[]): Diagnostic {
  // Some say it themselves.
  if (platforms.every((platform) => finding.message.includes(platform))) return finding;
  return { ...finding, message: `${finding.message} (for ${platforms.join(', ')})` };
}
