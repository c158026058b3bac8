import type { ContainerfileLocation } from '../../settings/containerfile-location.ts';
import type { ContextLocation } from '../../settings/context-location.ts';
import type { Settings } from '../../settings/settings.ts';
import { GitLocationError, parseGitLocation } from './git-location.ts';

/** The hosts (with their ports) of the addresses that the user has typed: contexts and Containerfiles. What those name was typed by others. */
export function typedHosts({ context, namedContexts, files }: Settings): ReadonlySet<string> {
  return new Set([context, ...namedContexts.values(), ...files].flatMap(hostsOf));
}

function hostsOf(location: ContextLocation | ContainerfileLocation): readonly string[] {
  if (location.kind === 'http' && URL.canParse(location.url)) return [new URL(location.url).host];
  return location.kind === 'git' ? gitHostOf(location.url) : [];
}

/** What is no location is told where it is fetched. */
function gitHostOf(url: string): readonly string[] {
  try {
    return [parseGitLocation(url).host];
  } catch (error) {
    if (error instanceof GitLocationError) return [];
    throw error;
  }
}
