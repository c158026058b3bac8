import { CommandFailed } from '../measure.ts';
import type { Buildkit } from './buildkit-daemon.ts';
import { buildkitTool } from './buildkit-tool.ts';
import { containersTool } from './containers-tools.ts';
import { otherNode } from './other-node.ts';
import type { Tool } from './tool.ts';
import { followerTool, MeasuredProgram, tsbuildTool } from './tsbuild-tool.ts';
import type { Workshop } from './workshop.ts';

/** The tools that can be measured. */
export interface Toolbox {
  readonly tools: readonly Tool[];
  /** The version of each tool, or why it cannot be measured. */
  readonly about: Readonly<Record<string, string>>;
}

interface Contents {
  readonly buildkit: Buildkit | undefined;
  /** A second Node comes into it. */
  readonly nodeFolder: string;
  readonly isWanted: (tool: string) => boolean;
}

/** Finds the tools that are wanted, and says of each what it is or why it is missing. */
export async function fillToolbox(workshop: Workshop, { buildkit, nodeFolder, isWanted }: Contents): Promise<Toolbox> {
  const program = new MeasuredProgram(workshop);
  const finders: Readonly<Record<string, () => Promise<Tool>>> = {
    tsbuild: async () => tsbuildTool(program),
    'tsbuild on another Node': async () => followerTool(program, await otherNode(nodeFolder)),
    BuildKit: async () => buildkitTool(workshop, running(buildkit)),
    buildah: () => containersTool(workshop, 'buildah'),
    podman: () => containersTool(workshop, 'podman'),
  };
  const tools: Tool[] = [];
  const about: Record<string, string> = {};
  for (const [name, find] of Object.entries(finders).filter(([finder]) => isWanted(finder))) {
    const found = await findTool(find);
    if (typeof found !== 'string') tools.push(found);
    const [key, said] = typeof found === 'string' ? [name, `not measured: ${found}`] : [found.name, found.version];
    about[key] = said;
    process.stdout.write(`${key}: ${said}\n`);
  }
  return { tools, about };
}

async function findTool(find: () => Promise<Tool>): Promise<Tool | string> {
  try {
    return await find();
  } catch (error) {
    if (error instanceof CommandFailed) return error.message;
    throw error;
  }
}

function running(buildkit: Buildkit | undefined): Buildkit & { readonly kind: 'running' } {
  if (buildkit?.kind === 'running') return buildkit;
  throw new CommandFailed(buildkit?.problem ?? 'it was not started');
}
