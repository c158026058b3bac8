import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { hasTool } from '../support/requires.ts';
import { programCommand } from '../support/sandbox.ts';
import type { TestUser } from '../support/users.ts';
import { type Command, CommandFailed, timeOf } from './measure.ts';

/** What a tool is asked to build. */
interface Build {
  readonly context: string;
  /** Nothing may come from the cache. */
  readonly isCold: boolean;
}

/** A builder that is measured. */
export interface Tool {
  readonly name: string;
  /** undefined: it can be used; else why not. */
  readonly problem: string | undefined;
  /** Gives it an image under the name `bench-base-NAME`. Not measured. */
  prepare(base: BaseImage): void;
  /** Wall time in milliseconds. */
  build(build: Build): number;
}

/** A base image in two forms. */
export interface BaseImage {
  readonly name: string;
  /** An image layout. */
  readonly layout: string;
  /** A docker archive whose name is `localhost/bench-base-NAME:1`. */
  readonly archive: string;
}

/** Where tools work, and as whom. */
export interface Workshop {
  /** Belongs to the user. */
  readonly folder: string;
  readonly user: TestUser;
}

/** All tools; each Containerfile starts `FROM localhost/bench-base-NAME:1`. */
export function allTools(workshop: Workshop): readonly Tool[] {
  return [tsbuild(workshop), buildah(workshop), podman(workshop), docker(workshop)];
}

function tsbuild(workshop: Workshop): Tool {
  const contexts: string[] = [];
  let stores = 0;
  return {
    name: 'tsbuild',
    problem: undefined,
    prepare: ({ name, layout }) => contexts.push('--build-context', `localhost/bench-base-${name}:1=oci-layout://${layout}`),
    build: ({ context, isCold }) => {
      // Colder than the others: the base is not unpacked either.
      if (isCold) stores += 1;
      const store = join(workshop.folder, `tsbuild-${stores}`);
      return timeOf(
        command(workshop, [
          ...programCommand(),
          '-q',
          '--store',
          store,
          '--network',
          'host',
          '--allow',
          'network.host',
          ...contexts,
          context,
        ]),
      );
    },
  };
}

function buildah(workshop: Workshop): Tool {
  return containersTool(workshop, {
    name: 'buildah',
    global: storage(workshop, 'buildah'),
    build: ['build', '--layers'],
    load: ['pull', '-q'],
    archive: 'docker-archive:',
  });
}

function podman(workshop: Workshop): Tool {
  const global = [...storage(workshop, 'podman'), '--cgroup-manager', 'cgroupfs'];
  return containersTool(workshop, { name: 'podman', global, build: ['build'], load: ['load', '-q', '-i'], archive: '' });
}

interface ContainersTool {
  readonly name: string;
  readonly global: readonly string[];
  readonly build: readonly string[];
  readonly load: readonly string[];
  /** Before the path of an archive. */
  readonly archive: string;
}

// Both run commands with an OCI runtime, which some machines do not allow; then they get the weaker isolation that works there.
function containersTool(workshop: Workshop, { name, global, build, load, archive }: ContainersTool): Tool {
  const run = (...args: readonly string[]): number => timeOf(command(workshop, [name, ...global, ...args]));
  let isolation = 'rootless';
  const attempt = ({ context, isCold }: Build): number =>
    run(
      ...build,
      '-q',
      '--isolation',
      isolation,
      '--network',
      'host',
      '--pull=never',
      ...(isCold ? ['--no-cache'] : []),
      context,
    );
  return {
    name,
    problem: problemOf(workshop, name, [...global, 'images']),
    prepare: (base) => run(...load, `${archive}${base.archive}`),
    build: (wanted) => {
      try {
        return attempt(wanted);
      } catch (error) {
        if (!(error instanceof CommandFailed) || isolation === 'chroot') throw error;
        isolation = 'chroot';
        process.stdout.write(`${name}: its runtime does not work here, so it is measured with --isolation chroot\n`);
        return attempt(wanted);
      }
    },
  };
}

function docker(workshop: Workshop): Tool {
  // Old clients have BuildKit built in, and use it when they are asked to.
  const run = (...args: readonly string[]): number => {
    const { env, ...how } = command(workshop, ['docker', ...args]);
    return timeOf({ ...how, env: { ...env, DOCKER_BUILDKIT: '1' } });
  };
  return {
    name: 'docker',
    problem: problemOf(workshop, 'docker', ['info']),
    prepare: ({ archive }) => run('load', '-q', '-i', archive),
    build: ({ context, isCold }) =>
      run('build', '-q', '--network', 'host', '-f', join(context, 'Containerfile'), ...(isCold ? ['--no-cache'] : []), context),
  };
}

function storage({ folder }: Workshop, tool: string): readonly string[] {
  return ['--root', join(folder, `${tool}-root`), '--runroot', join(folder, `${tool}-run`)];
}

function problemOf(workshop: Workshop, tool: string, probe: readonly string[]): string | undefined {
  if (!hasTool(tool)) return 'not installed';
  const { argv, ...options } = command(workshop, [tool, ...probe]);
  const [program = '', ...args] = argv;
  const { status, stderr } = spawnSync(program, args, { ...options, encoding: 'utf8', timeout: 60_000 });
  return status === 0
    ? undefined
    : `does not work as ${workshop.user.name}: ${stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? ''}`;
}

/** A command as the user of the workshop. */
export function command({ folder, user }: Workshop, argv: readonly string[]): Command {
  const isRoot = process.getuid?.() === 0;
  return {
    argv,
    cwd: folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: join(folder, 'home'),
      USER: user.name,
      XDG_RUNTIME_DIR: join(folder, 'runtime'),
      ...dockerHost(),
      ...proxies(),
    },
    ...(isRoot && { uid: user.uid, gid: user.gid }),
  };
}

function dockerHost(): Readonly<Record<string, string>> {
  const host = process.env['DOCKER_HOST'];
  return host === undefined ? {} : { DOCKER_HOST: host };
}

function proxies(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      /^(https?|no)_proxy$/i.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  );
}
