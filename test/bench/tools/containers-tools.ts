import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandFailed, outputOf, timeOf } from '../measure.ts';
import type { Build, Output, Tool } from './tool.ts';
import { command, type Workshop } from './workshop.ts';

interface ContainersTool {
  readonly name: 'buildah' | 'podman';
  readonly global: readonly string[];
  readonly build: readonly string[];
  readonly load: readonly string[];
  /** Before the path of an archive. */
  readonly archive: string;
}

/** Buildah or podman. @throws CommandFailed where it does not work */
export function containersTool(workshop: Workshop, name: 'buildah' | 'podman'): Promise<Tool> {
  return usableTool(workshop, { name, ...how[name], global: [...storage(workshop, name), ...how[name].global] });
}

const how = {
  buildah: { global: [], build: ['build', '--layers'], load: ['pull', '-q'], archive: 'docker-archive:' },
  podman: { global: ['--cgroup-manager', 'cgroupfs'], build: ['build'], load: ['load', '-q', '-i'], archive: '' },
} as const;

// Both run commands with an OCI runtime, which some machines do not allow; then they get the weaker isolation that works there.
async function usableTool(workshop: Workshop, tool: ContainersTool): Promise<Tool> {
  const { name, global, load, archive } = tool;
  await outputOf(command(workshop, [name, ...global, 'images']));
  const run = (...args: readonly string[]): Promise<number> => timeOf(command(workshop, [name, ...global, ...args]));
  let isolation = 'rootless';
  const build = (wanted: Build): Promise<number> => run(...buildArguments(tool, wanted, isolation));
  return {
    name,
    version: (await outputOf(command(workshop, [name, '--version']))).trim(),
    isOther: true,
    prepare: (base) => run(...load, `${archive}${base.archive}`),
    build: async (wanted) => {
      const push = pushArguments(workshop, name, wanted.output);
      const pushMs = async (): Promise<number> => (push === undefined ? 0 : run(...push));
      try {
        return (await build(wanted)) + (await pushMs());
      } catch (error) {
        if (!(error instanceof CommandFailed) || isolation === 'chroot') throw error;
        isolation = 'chroot';
        process.stdout.write(`${name}: its runtime does not work here, so it is measured with --isolation chroot\n`);
        return (await build(wanted)) + (await pushMs());
      }
    },
  };
}

const result = 'localhost/bench-result';

function buildArguments({ build }: ContainersTool, { context, isCold }: Build, isolation: string): readonly string[] {
  const flags = ['-q', '-t', result, '--isolation', isolation, '--network', 'host', '--pull=never'];
  return [...build, ...flags, ...(isCold ? ['--no-cache'] : []), context];
}

function pushArguments({ folder }: Workshop, name: string, output: Output): readonly string[] | undefined {
  switch (output.kind) {
    case 'none':
      return undefined;
    case 'archive':
      return [...pushTo, '--compression-format', output.compression, result, `oci-archive:${join(folder, `${name}.tar`)}`];
    case 'push':
      return [...pushTo, result, `docker://${output.registry}/${name}:1`];
  }
}

const pushTo = ['push', '-q', '--format', 'oci', '--tls-verify=false'];

function storage({ folder }: Workshop, tool: string): readonly string[] {
  return ['--root', join(folder, `${tool}-root`), '--runroot', join(folder, `${tool}-run`)];
}

/** podman keeps its user namespace alive by a process that waits for ever. */
export function endPauseProcess({ folder }: Workshop): void {
  try {
    process.kill(Number(readFileSync(join(folder, 'runtime/libpod/tmp/pause.pid'), 'utf8')), 'SIGKILL');
  } catch {
    // None was started.
  }
}
