import { ofBuildah } from './differences-of-buildah.ts';
import { ofDocker, refusalsOfDocker } from './differences-of-docker.ts';
import type { ToolName } from './other-tools.ts';

/** Reasons, each with the rows that it is about: their names, or how these begin. */
export type Differences = Readonly<Record<string, readonly string[]>>;

/** Reasons why a tool cannot build a row at all, each with what the tool says then. Such rows say nothing, even if they expect an error. */
export type Refusals = Readonly<Record<string, RegExp>>;

const all: Readonly<Record<ToolName, Differences>> = { buildah: ofBuildah, podman: ofBuildah, docker: ofDocker };

const refusals: Readonly<Record<ToolName, Refusals>> = { buildah: {}, podman: {}, docker: refusalsOfDocker };

/** Why a tool may come to another result with a row. */
export function knownDifference(row: string, tool: ToolName): string | undefined {
  return Object.entries(all[tool]).find(([, starts]) => starts.some((start) => row.startsWith(start)))?.[0];
}

/** Why a tool that says this cannot build the row, whichever it is. */
export function knownRefusal(said: string, tool: ToolName): string | undefined {
  return Object.entries(refusals[tool]).find(([, pattern]) => pattern.test(said))?.[0];
}

/** What is listed although no row shows it any more. Rows that were not built say nothing. */
export function unusedDifferences(tool: ToolName, built: readonly string[], differing: readonly string[]): readonly string[] {
  const starts = Object.values(all[tool]).flat();
  const isIn = (names: readonly string[], start: string): boolean => names.some((name) => name.startsWith(start));
  return starts.filter((start) => isIn(built, start) && !isIn(differing, start));
}
