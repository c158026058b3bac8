import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { repositoryRoot } from '../../support/repository.ts';
import { CommandFailed, outputOf, ownCommand } from '../measure.ts';
import { command, ownFolder, type Workshop } from './workshop.ts';

/** A docker daemon with BuildKit in it, as the user of a workshop, or why there is none. Ended when it is disposed. */
export type Buildkit = AsyncDisposable & (RunningBuildkit | { readonly kind: 'missing'; readonly problem: string });

/** How it is reached. */
export interface RunningBuildkit {
  readonly kind: 'running';
  /** The program docker-buildx. */
  readonly client: string;
  /** The daemon listens here. */
  readonly socket: string;
  readonly version: string;
}

const scripts = join(repositoryRoot, 'test/bench/tools/buildkit');
const startMs = 60_000;
const stopMs = 10_000;

/**
 * Fetches the daemon of a newer Debian unless it was fetched before, and starts it without root: rootlesskit, the network of the machine, and
 * the same kind of file system as the program's.
 */
export async function startBuildkit(workshop: Workshop): Promise<Buildkit> {
  try {
    return await runDaemon(workshop, await fetchRoot());
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return { kind: 'missing', problem: error.message, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
}

/** The folder that fetch.sh fills. It stays for the next time. @throws CommandFailed without a mirror of Debian */
async function fetchRoot(): Promise<string> {
  const cache = process.getuid?.() === 0 ? '/var/cache' : (process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'));
  const root = join(cache, 'tsbuild-bench/buildkit');
  mkdirSync(dirname(root), { recursive: true });
  process.stdout.write(`BuildKit is in ${root}, or is fetched into it now\n`);
  await outputOf(ownCommand('sh', join(scripts, 'fetch.sh'), root));
  return root;
}

async function runDaemon(workshop: Workshop, root: string): Promise<Buildkit> {
  const data = ownFolder(workshop, 'buildkit');
  writeFileSync(join(data, 'daemon.json'), JSON.stringify({ features: { 'containerd-snapshotter': true } }), { mode: 0o644 });
  const { argv, env, ...how } = command(workshop, daemonCommand(workshop, root, data));
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { ...how, env: { ...env, BUILDKIT_ROOT: root }, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = keepEnd(child);
  const stop = stopper(child);
  const client = join(root, 'usr/libexec/docker/cli-plugins/docker-buildx');
  const socket = join(data, 'docker.sock');
  try {
    if (!(await answers(child, socket))) throw new CommandFailed(`its daemon does not start: ${said()}`);
    return { kind: 'running', client, socket, version: await versionOf(workshop, client, socket), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function daemonCommand(workshop: Workshop, root: string, data: string): readonly string[] {
  // The user cannot read the checkout everywhere.
  const [enter = '', slirp = ''] = ['enter.sh', 'slirp4netns.sh'].map((name) => copyScript(workshop, name));
  return [
    join(root, 'usr/bin/rootlesskit'),
    `--state-dir=${join(data, 'rootlesskit')}`,
    // Steps and pushes go through the network of the machine, as the program's do; docker wants a second one to be there.
    '--net=slirp4netns',
    `--slirp4netns-binary=${slirp}`,
    '--disable-host-loopback',
    '--detach-netns',
    '--port-driver=none',
    '--pidns',
    'sh',
    enter,
    root,
    data,
  ];
}

function copyScript({ folder }: Workshop, name: string): string {
  const copy = join(folder, 'home', name);
  copyFileSync(join(scripts, name), copy);
  chmodSync(copy, 0o755);
  return copy;
}

function keepEnd(child: ChildProcess): () => string {
  let end = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      end = `${end}${chunk.toString()}`.slice(-2000);
    });
  }
  return () => end.trim().split('\n').slice(-2).join(' ').slice(-400);
}

/** Ends the daemon: with the first process of its namespace everything in it goes, mounts too. At the end of the bench in any case. */
function stopper(child: ChildProcess): () => Promise<void> {
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  process.once('exit', () => {
    if (!hasEnded()) child.kill('SIGKILL');
  });
  return async () => {
    if (hasEnded() || child.pid === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
    await ended;
    clearTimeout(timer);
  };
}

async function answers(child: ChildProcess, socketPath: string): Promise<boolean> {
  const endMs = performance.now() + startMs;
  while (performance.now() < endMs && child.exitCode === null && child.signalCode === null) {
    if (await isReady(socketPath)) return true;
    await delay(100);
  }
  return false;
}

async function isReady(socketPath: string): Promise<boolean> {
  return (await ask(socketPath, '/_ping')) === 'OK';
}

/** What the daemon answers; undefined: it does not. */
function ask(socketPath: string, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    get({ socketPath, path }, (response) => resolve(text(response))).once('error', () => resolve(undefined));
  });
}

async function versionOf(workshop: Workshop, client: string, socket: string): Promise<string> {
  const { Version = '' }: { readonly Version?: string } = JSON.parse((await ask(socket, '/version')) ?? '{}');
  const [, buildx = ''] = (await outputOf(command(workshop, [client, 'version']))).split(' ');
  return `docker ${Version}, buildx ${buildx}`;
}
