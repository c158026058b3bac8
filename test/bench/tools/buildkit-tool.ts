import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, outputOf, ownCommand, timeOf } from '../measure.ts';
import type { RunningBuildkit } from './buildkit-daemon.ts';
import { baseContext, type Output, type Tool } from './tool.ts';
import { command, type Workshop } from './workshop.ts';

// What a file system goes on with after many files were removed is not part of the next build.
const settlingMs = 500;

/** BuildKit by docker-buildx, with a daemon that runs already. */
export function buildkitTool(workshop: Workshop, { client, socket, version }: RunningBuildkit): Tool {
  const contexts: string[] = [];
  const buildx = (...args: readonly string[]): Command => {
    const { env, ...how } = command(workshop, [client, ...args]);
    return { ...how, env: { ...env, DOCKER_HOST: `unix://${socket}`, BUILDX_NO_DEFAULT_ATTESTATIONS: '1' } };
  };
  const forget = async (): Promise<void> => {
    await outputOf(buildx('prune', '--all', '--force'));
    await outputOf(ownCommand('sync'));
    await delay(settlingMs);
  };
  return {
    name: 'BuildKit',
    version,
    prepare: async (base) => contexts.push(...baseContext(base)),
    build: async ({ context, isCold, output }) => {
      if (isCold) await forget();
      const file = ['-f', join(context, 'Containerfile')];
      const flags = ['--progress', 'quiet', '--network', 'host', ...contexts, ...file, '-o', outputValue(workshop, output)];
      return timeOf(buildx('build', ...flags, context));
    },
    forget,
  };
}

function outputValue({ folder }: Workshop, output: Output): string {
  switch (output.kind) {
    case 'none':
      return 'type=cacheonly';
    case 'archive':
      return `type=oci,dest=${join(folder, 'buildkit.tar')},compression=${output.compression}`;
    case 'push':
      return `type=registry,name=${output.registry}/buildkit:1,unpack=false`;
  }
}
