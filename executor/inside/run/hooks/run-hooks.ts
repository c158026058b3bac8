import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AT_FDCWD, NAMESPACE_FLAGS, O_RDONLY } from '../../../../native/constants.ts';
import { close, openat } from '../../../../native/files.ts';
import { type ExitStatus, exitText, kill, pidfdOpen } from '../../../../native/processes.ts';
import { SyscallError } from '../../../../native/syscall-error.ts';
import { closeDescriptors } from '../../../../native/tape/descriptors.ts';
import { startTape, type TapeProcess } from '../../../../native/tape/start.ts';
import type { TapeEntry } from '../../../../native/tape/tape.ts';
import type { Hook, HookName } from '../../../protocol/actions.ts';
import { Refusal } from '../../request/failure.ts';
import type { RequestContext } from '../../request/request-context.ts';
import { freshSession, hookConfinement } from '../process/confinement.ts';
import { kernelFacts } from '../process/kernel-facts.ts';
import { OutputPipes } from '../process/output-pipes.ts';
import { scopesAt } from '../process/process-settings.ts';
import { type Container, type ContainerState, stateText, writeBundle } from './bundle.ts';

/** What the hooks of one container share. */
interface HookContext {
  readonly container: Container;
  /** A folder in memory for the bundle. */
  readonly bundle: string;
  readonly context: RequestContext;
}

/**
 * The hooks of devices, by the OCI runtime specification (config.md "POSIX-platform Hooks"): each gets the state of the container on its
 * standard input. The worker's namespaces are those of the runtime; hooks of the container join its namespaces, as root there.
 */
export class HookRunner implements AsyncDisposable {
  readonly #place: HookContext;
  /** The output of hooks is the step's. */
  readonly #pipes = new OutputPipes({ uid: 0, gid: 0 });
  readonly #forwarded: Promise<void>;
  #count = 0;

  constructor(place: HookContext) {
    this.#place = place;
    writeBundle(place.bundle, place.container);
    this.#forwarded = this.#pipes.forward(place.context);
    // Whoever disposes this is told.
    this.#forwarded.catch(() => undefined);
  }

  /** When the container has its namespaces and mounts, and its root is not yet the root. @throws Refusal `hook` */
  async create(pid: number): Promise<void> {
    const state: ContainerState = { status: 'creating', pid };
    for (const name of ['prestart', 'createRuntime', 'createContainer'] as const) await this.#runAll(name, state);
  }

  /** When its root is the root, just before the command; the programs are those of the image. @throws Refusal `hook` */
  async start(pid: number): Promise<void> {
    await this.#runAll('startContainer', { status: 'created', pid });
  }

  /** When the command runs, or has ended: failures are warnings then. */
  async tell(name: 'poststart' | 'poststop', state: ContainerState): Promise<void> {
    try {
      await this.#runAll(name, state);
    } catch (error) {
      // The command itself is being stopped, and whoever waits for it is told.
      if (this.#place.context.signal.aborted) return;
      if (!(error instanceof Refusal)) throw error;
      this.#place.context.warn(error.message);
    }
  }

  /** Waits for the rest of the output; not for long, since what a hook has left running may hold the pipes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#pipes.closeCommandEnds();
    const patience = new AbortController();
    await Promise.race([this.#forwarded, delay(longestWaitMs, undefined, { signal: patience.signal })]);
    patience.abort();
  }

  async #runAll(name: HookName, state: ContainerState): Promise<void> {
    const hooks = this.#place.container.action.hooks ?? [];
    for (const hook of hooks.filter((other) => other.name === name)) await this.#run(hook, state);
  }

  async #run(hook: Hook, state: ContainerState): Promise<void> {
    const { context } = this.#place;
    const process = await this.#start(hook, state);
    const limit = AbortSignal.timeout((hook.timeoutSeconds ?? longestSeconds) * 1000);
    const status = await endWithin(process, AbortSignal.any([limit, context.signal]));
    context.signal.throwIfAborted();
    if (status.exitCode === 0) return;
    const end = limit.aborted ? `did not end within ${hook.timeoutSeconds} s` : exitText(status);
    throw failed(hook, end);
  }

  async #start(hook: Hook, { status, pid }: ContainerState): Promise<TapeProcess> {
    const { bundle, container: described } = this.#place;
    const [, ...output] = this.#pipes.commandEnds;
    this.#count += 1;
    const state = path.join(bundle, `state-${this.#count}.json`);
    writeFileSync(state, stateText(bundle, { status, pid }), { mode: 0o600 });
    const stdin = openat(AT_FDCWD, state, O_RDONLY);
    const container = pid !== undefined && isInContainer(hook) ? pidfdOpen(pid) : undefined;
    try {
      const tape = hookTape(hook, { streams: [stdin, ...output], container, described, bundle });
      return await startTape(tape, { namespaces: isOfImage(hook) ? ['pid'] : [] });
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      throw failed(hook, `cannot be started: ${error.message}`);
    } finally {
      close(stdin);
      if (container !== undefined) close(container);
    }
  }
}

/** Waits for a hook; when the signal is aborted it is killed, and with it all that it has started and that has not left its session. */
async function endWithin(hook: TapeProcess, signal: AbortSignal): Promise<ExitStatus> {
  const stop = (): void => {
    if (!kill(-hook.pid, 'SIGKILL')) hook.signal('SIGKILL');
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    return await hook.exited;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

const longestWaitMs = 1000;
/** setTimeout's longest, for those that have no limit. */
const longestSeconds = 2_147_483;

function isInContainer({ name }: Hook): boolean {
  return name === 'createContainer' || name === 'startContainer';
}

/** Its program is looked up in the image. */
function isOfImage({ name }: Hook): boolean {
  return name === 'startContainer';
}

interface HookStart {
  readonly streams: readonly number[];
  /** A pidfd of the process whose namespaces are joined. */
  readonly container: number | undefined;
  readonly described: Container;
  readonly bundle: string;
}

/**
 * Hooks with programs of the image get what a command has, as root, and a pid namespace of their own, with which all that they have started ends.
 * That of the container is joined by none: only children would be in it, and a hook could make no threads then. /proc is the worker's for the
 * others, until the root is changed. (setns(2), ERRORS in clone(2))
 */
function hookTape(hook: Hook, { streams, container, described, bundle }: HookStart): readonly TapeEntry[] {
  const { namespaces, action } = described;
  const isConfined = isOfImage(hook);
  const kernel = kernelFacts();
  const joined = namespaces.filter((namespace) => namespace !== 'pid');
  const flags = joined.reduce((sum, namespace) => sum | NAMESPACE_FLAGS[namespace], 0);
  const argv = hook.args.length === 0 ? [hook.path] : hook.args;
  return [
    ...(container === undefined ? [] : [{ syscall: 'setns', args: [container, flags], what: 'container' } as const]),
    // From then on the container is out of reach, for setns() too.
    ...(isConfined && kernel.hasScopes ? scopesAt(container === undefined ? 0 : 1) : []),
    ...(isConfined ? [...freshSession, noGroups] : [{ syscall: 'setsid', args: [] } as const]),
    ...streams.map((fd, index): TapeEntry => ({ syscall: 'dup3', args: [fd, index, 0], what: `stream ${index}` })),
    // The program may be the image's, and the /proc in which it is found the worker's.
    ...closeDescriptors(),
    // The bundle is not there for those that have the image as their root.
    { syscall: 'chdir', args: [isConfined ? '/' : bundle], what: bundle },
    ...(isConfined ? hookConfinement(action, kernel) : []),
    { syscall: 'execve', args: [hook.path, argv, hook.env], what: hook.path },
  ];
}

/** Where groups cannot be dropped, a command keeps them too. */
const noGroups: TapeEntry = { syscall: 'setgroups', args: [0, 0], mayFail: true };

function failed({ name, path: program }: Hook, why: string): Refusal {
  // The command runs then, or has run.
  const isWarning = name === 'poststart' || name === 'poststop';
  return new Refusal('hook', `${isWarning ? 'warning' : 'Cannot prepare the devices'}: the ${name} hook "${program}" ${why}`);
}
