import type { BuildOptions } from '../../contract/options.ts';
import { parseContextLocation } from '../../plan/model/context-location.ts';
import { GitLocationError, parseGitLocation } from './git-location.ts';

/** The hosts (with their ports) of the addresses that the user has typed: contexts and Containerfiles. What those name was typed by others. */
export function typedHosts({ context, buildContexts = {}, files = [] }: BuildOptions): ReadonlySet<string> {
  return new Set([context, ...Object.values(buildContexts), ...files].flatMap(hostsOf));
}

function hostsOf(text: string): readonly string[] {
  const location = parseContextLocation(text);
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
