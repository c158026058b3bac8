import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { baseNames } from './base-images.ts';
import type { Build, RowOptions } from './row.ts';

/** Tools that rows can be built with. */
export type ToolName = 'buildah' | 'podman' | 'docker';

/** Where the parts of a build lie. */
interface PreparedBuild {
  readonly build: Build;
  readonly context: string;
  readonly containerfile: string;
  readonly contexts: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** Where the image goes, as an OCI layout. */
  readonly output: string;
}

/** Another builder. Both functions reject with what it said. */
export interface OtherTool {
  /** Makes the base images known. */
  prepare(): Promise<void>;
  build(prepared: PreparedBuild): Promise<void>;
  dispose(): Promise<void>;
}

const run = promisify(execFile);
const longestBuildMs = 120_000;

/** The tool of that name. `folder` is for what it stores, `bases` has the layouts of the base images. */
export function otherTool(name: ToolName, folder: string, bases: string): OtherTool {
  return name === 'docker' ? docker(bases) : buildah(name, folder, bases);
}

/** Buildah and Podman are one program under two names, as far as builds go. Needs no kernel feature: vfs, chroot. */
function buildah(name: 'buildah' | 'podman', folder: string, bases: string): OtherTool {
  const storage = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  const call = async (...args: readonly string[]): Promise<string> => {
    // Pulled layouts are named after their path, which must be in lower case.
    const { stdout } = await run(name, [...storage, ...args], { timeout: longestBuildMs, cwd: bases });
    return stdout.trim();
  };
  return {
    prepare: async () => {
      for (const base of baseNames) {
        const id = await call('pull', '--quiet', `oci:${base}:latest`);
        await call('tag', id, `localhost/${base}`);
      }
    },
    build: async (prepared) => {
      const flags = ['--isolation', 'chroot', '--network', 'host', '--layers=false', '--quiet'];
      const id = await call('build', ...flags, ...commonFlags(prepared), prepared.context);
      // Not removed: images of other rows may share its layers, or be the same image.
      await call('push', '--quiet', id.split('\n').at(-1) ?? '', `oci:${prepared.output}:latest`);
    },
    dispose: async () => {
      await call(...(name === 'podman' ? ['system', 'reset', '--force'] : ['rmi', '--all', '--force']));
    },
  };
}

/** BuildKit by way of buildx, with a builder that can write OCI archives. */
function docker(bases: string): OtherTool {
  const call = async (program: string, ...args: readonly string[]): Promise<void> => {
    await run(program, args, { timeout: longestBuildMs });
  };
  const images = baseNames.flatMap((name) => ['--build-context', `${name}=oci-layout://${join(bases, name)}:latest`]);
  return {
    prepare: () => call('docker', 'buildx', 'inspect', '--bootstrap'),
    build: async (prepared) => {
      const archive = `${prepared.output}.tar`;
      // Provenance would make the image one of several things in an index.
      const output = ['--provenance=false', '--output', `type=oci,dest=${archive}`];
      const network = ['--network', prepared.build.options?.network ?? 'default'];
      await call('docker', 'buildx', 'build', ...images, ...output, ...network, ...commonFlags(prepared), namedContext(prepared));
      mkdirSync(prepared.output, { recursive: true });
      await call('tar', '-xf', archive, '-C', prepared.output);
    },
    dispose: async () => undefined,
  };
}

/**
 * The context by a name of its own: of contexts with equal last names, files of the same size and time are not sent again, whatever they hold.
 */
function namedContext({ context, output }: PreparedBuild): string {
  const link = join(dirname(output), randomUUID());
  symlinkSync(context, link);
  return link;
}

function commonFlags({ build, containerfile, contexts, secrets }: PreparedBuild): readonly string[] {
  return [
    '--file',
    containerfile,
    ...Object.entries(contexts).flatMap(([name, path]) => ['--build-context', `${name}=${path}`]),
    ...Object.entries(secrets).flatMap(([id, path]) => ['--secret', `id=${id},src=${path}`]),
    ...optionFlags(build.options ?? {}),
  ];
}

function optionFlags(options: RowOptions): readonly string[] {
  const { from, hostname, ignoreFile, noCache, shmSizeBytes, squash, target } = options;
  const assignments = (flag: string, values: Readonly<Record<string, string | undefined>> = {}): readonly string[] =>
    Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value ?? ''}`]);
  const list = (flag: string, values: readonly string[] = []): readonly string[] => values.flatMap((value) => [flag, value]);
  return [
    ...assignments('--build-arg', options.buildArgs),
    ...assignments('--label', options.labels),
    ...assignments('--env', options.env),
    ...list('--add-host', options.addHosts),
    ...list('--allow', options.allow),
    ...list('--cdi-config-dir', options.cdiSpecDirectories),
    ...list('--device', options.devices),
    ...list('--dns', options.dns),
    ...list('--dns-option', options.dnsOptions),
    ...list('--dns-search', options.dnsSearch),
    ...list(
      '--ssh',
      Object.entries(options.ssh ?? {}).map(([id, keys]) => [id, keys.join(',')].join('=')),
    ),
    ...list('--ulimit', options.ulimits),
    ...list('--volume', options.volumes),
    ...list('--unsetenv', options.unsetEnv),
    ...list('--unsetlabel', options.unsetLabels),
    ...(from === undefined ? [] : ['--from', from]),
    ...(hostname === undefined ? [] : ['--hostname', hostname]),
    ...(ignoreFile === undefined ? [] : ['--ignorefile', ignoreFile]),
    ...(noCache === true ? ['--no-cache'] : []),
    ...(shmSizeBytes === undefined ? [] : ['--shm-size', `${shmSizeBytes}`]),
    ...(squash === undefined ? [] : [squash === 'new' ? '--squash' : '--squash-all']),
    ...(target === undefined ? [] : ['--target', target]),
  ];
}
