import { readFileSync, writeFileSync } from 'node:fs';
import { type IdExtent, isMapped } from '../../../native/id-extents.ts';
import { currentIdMaps } from '../../../native/identity.ts';
import type { ExitStatus } from '../../../native/processes.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { type Namespace, startTape, type TapeProcess } from '../../../native/tape/start.ts';
import type { RunAction } from '../../protocol/actions.ts';
import { Refusal } from '../request/failure.ts';
import type { RequestContext } from '../request/request-context.ts';
import { ToldOnce } from '../request/told-once.ts';
import { noMappedId } from '../root/owner.ts';
import type { ResolvedUser } from '../root/users.ts';
import { CommandFailed } from './command-errors.ts';
import type { EmulationMeans } from './emulation/means.ts';
import { explainStart } from './explain-start.ts';
import { Pauses } from './hooks/pauses.ts';
import { HookRunner } from './hooks/run-hooks.ts';
import { type ControlGroup, ControlGroups } from './limits/control-group.ts';
import type { AttachedMounts } from './mounts/attach.ts';
import { commandUsage, ownPeakBytes } from './process/command-usage.ts';
import { kernelFacts } from './process/kernel-facts.ts';
import { OutputPipes } from './process/output-pipes.ts';
import { type ExecAttribute, execAttributes } from './process/security-label.ts';
import { type SandboxFacts, sandboxNamespaces, sandboxTape } from './sandbox-plan.ts';
import { waitOrCancel } from './wait-or-cancel.ts';

/** A RUN whose mounts are attached. */
export interface PreparedRun {
  readonly action: RunAction;
  readonly user: ResolvedUser;
  /** Those of the user's groups that were asked for, by a device or by an option. */
  readonly demandedGroups: readonly number[];
  readonly attached: AttachedMounts;
  /** A folder in memory for what hooks are told; undefined when there are none. */
  readonly bundle: string | undefined;
}

/** Starts the command in its namespaces and waits until it and all that it started are gone. */
export async function runSandbox(run: PreparedRun, context: RequestContext): Promise<void> {
  const maps = currentIdMaps();
  checkIds(run, maps);
  checkStrictness(run.action);
  const means = await meansOf(run.action);
  const attributes = attributesOf(run.action, context);
  using pipes = new OutputPipes(run.user);
  await using group = groupOf(run.action, context);
  await using hooks = hooksOf(run, context);
  const process = await start({ ...run, means, attributes, hooks, group }, pipes, context);
  const callersPeakBytes = ownPeakBytes();
  pipes.closeCommandEnds();
  const [status] = await Promise.all([endOf(process, hooks, context), pipes.forward(context)]);
  tellUsage(process, { group, callersPeakBytes, context });
  context.signal.throwIfAborted();
  if (status.exitCode !== 0) throw new CommandFailed(status, group?.exceededMemory);
}

interface UsageSources {
  readonly group: ControlGroup | undefined;
  readonly callersPeakBytes: number;
  readonly context: RequestContext;
}

function tellUsage({ usage }: TapeProcess, { group, callersPeakBytes, context }: UsageSources): void {
  const known = usage === undefined ? undefined : commandUsage(usage, callersPeakBytes);
  const taken = group === undefined ? known : group.usage(known);
  if (taken !== undefined) context.usage(taken);
}

let controlGroups: ControlGroups | undefined;

function groupOf({ limits }: RunAction, context: RequestContext): ControlGroup | undefined {
  if (limits === undefined) return undefined;
  controlGroups ??= new ControlGroups();
  return controlGroups.make(limits, (message) => context.warn(message));
}

function hooksOf({ action, user, attached, bundle }: PreparedRun, context: RequestContext): HookRunner | undefined {
  if (bundle === undefined) return undefined;
  const namespaces = sandboxNamespaces(action);
  return new HookRunner({ container: { action, user, root: attached.root, namespaces }, bundle, context });
}

async function endOf(process: TapeProcess, hooks: HookRunner | undefined, context: RequestContext): Promise<ExitStatus> {
  const started = hooks?.tell('poststart', { status: 'running', pid: process.pid });
  const [status] = await Promise.all([waitOrCancel(process, context.signal), started]);
  await hooks?.tell('poststop', { status: 'stopped', pid: undefined });
  return status;
}

/** What this worker has told once. */
const told = new ToldOnce();

function attributesOf({ confinement = {}, security }: RunAction, context: RequestContext): readonly ExecAttribute[] {
  if (security === 'insecure') return [];
  return execAttributes(confinement, { warn: (message) => told.tell(message, (once) => context.warn(once)) });
}

const otherImage = 'Choose the image for this machine: --platform';

/**
 * What this worker has learned: an outer container may mask /proc or /sys, and then the kernel refuses new ones; podman's and docker's profiles
 * have sethostname for containers with CAP_SYS_ADMIN alone. All say EPERM.
 */
const refused = { proc: false, sys: false, hostName: false };

/** Commands of this machine's platform pay nothing for the others. */
async function meansOf({ emulation }: RunAction): Promise<EmulationMeans> {
  if (emulation === undefined) {
    return { kind: 'given' };
  }
  const { emulationMeans } = await import('./emulation/means.ts');
  return emulationMeans(emulation);
}

interface EmulatedRun extends PreparedRun {
  readonly means: EmulationMeans;
  readonly attributes: readonly ExecAttribute[];
  readonly hooks: HookRunner | undefined;
  readonly group: ControlGroup | undefined;
}

async function start(run: EmulatedRun, pipes: OutputPipes, context: RequestContext): Promise<TapeProcess> {
  const { action, attached } = run;
  try {
    return run.hooks === undefined ? await startPlain(run, pipes) : await startWithHooks(run, run.hooks, pipes);
  } catch (error) {
    const type = isSyscallError(error, 'EPERM') && error.syscall === 'mount' ? error.subject : '';
    if (action.isStrict === true && (type === 'proc' || type === 'sysfs')) {
      throw tooWeak(`the kernel refuses a new /${type === 'proc' ? 'proc' : 'sys'}`);
    }
    if (type === 'proc' && !refused.proc) {
      refused.proc = true;
      context.warn(
        'The kernel refuses a new /proc, because the one of this container is masked: commands see the processes around the build',
      );
      return start(run, pipes, context);
    }
    if (type === 'sysfs' && !refused.sys) {
      refused.sys = true;
      return start(run, pipes, context);
    }
    if (isSyscallError(error, 'EPERM') && error.syscall === 'sethostname' && !refused.hostName) {
      refused.hostName = true;
      context.warn(`The container around the build refuses host names: commands see its own instead of "${action.hostname}"`);
      return start(run, pipes, context);
    }
    throw explainStart(error, action, {
      root: attached.root,
      foreignHint: run.means.kind === 'missing' ? run.means.hint : otherImage,
    });
  }
}

/** What `--isolation strict` does not accept. What earlier commands were refused, this one would be too. */
function checkStrictness({ isStrict, network, security }: RunAction): void {
  if (isStrict !== true) return;
  if (security === 'insecure') throw tooWeak('it is a RUN --security=insecure');
  if (network === 'host') throw tooWeak('it shares the network of this machine', 'Use --network none');
  // Only who owns a network namespace may have a new one, and several commands have this.
  if (network === 'private') throw tooWeak('it shares the /sys of this machine', 'Use --network none');
  if (refused.proc) throw tooWeak('the kernel refuses a new /proc');
  if (refused.sys) throw tooWeak('the kernel refuses a new /sys');
}

function tooWeak(why: string, hint?: string): Refusal {
  return new Refusal('not-supported', `Cannot isolate the command as --isolation strict demands: ${why}`, hint);
}

function startPlain(run: EmulatedRun, pipes: OutputPipes): Promise<TapeProcess> {
  return startTape(sandboxTape(run.action, factsOf(run, pipes)), { namespaces: clonedNamespaces(run), onCloned: enrolled(run) });
}

/** A namespace of control groups begins at the group that the process is in, so one that has its own makes it when it is there. */
function clonedNamespaces({ action, group }: EmulatedRun): readonly Namespace[] {
  return sandboxNamespaces(action).filter((namespace) => group === undefined || namespace !== 'cgroup');
}

/** What has to be written while a process waits to begin. */
function enrolled({ group }: EmulatedRun): (pid: number) => void {
  return (pid) => {
    writeIdentityMaps(pid);
    group?.add(pid);
  };
}

/** The new process waits where its hooks are run. When one of them fails it comes to its end, and the hook's error is the one that counts. */
async function startWithHooks(run: EmulatedRun, hooks: HookRunner, pipes: OutputPipes): Promise<TapeProcess> {
  const { action } = run;
  using pauses = new Pauses();
  let pid = 0;
  const facts = { ...factsOf(run, pipes), pauses: { outside: pauses.first, inside: pauses.later } };
  const starting = startTape(sandboxTape(action, facts), {
    namespaces: clonedNamespaces(run),
    onCloned: (cloned) => {
      pid = cloned;
      pauses.closeItsEnd();
      enrolled(run)(cloned);
    },
  });
  const conducting = pauses.conduct([() => hooks.create(pid), () => hooks.start(pid)]);
  const [started, conducted] = await Promise.allSettled([starting, conducting]);
  if (conducted.status === 'rejected') throw conducted.reason;
  if (started.status === 'rejected') throw started.reason;
  return started.value;
}

function factsOf({ action, user, attached, means, attributes, group }: EmulatedRun, pipes: OutputPipes): SandboxFacts {
  return {
    root: attached.root,
    places: { proc: attached.placeOf('/proc'), sys: attached.placeOf('/sys'), dev: attached.placeOf('/dev') },
    proc: refused.proc ? 'bound' : 'new',
    // Only a network namespace of one's own gives the right to a new sysfs.
    sys: action.network !== 'none' || refused.sys ? 'bound' : 'new',
    hostName: refused.hostName ? 'kept' : 'new',
    user,
    canSetGroups: canSetGroups(),
    kernel: kernelFacts(),
    attributes,
    hasOwnGroup: group !== undefined,
    emulator: means.kind === 'own' ? means.registration : undefined,
    streams: pipes.commandEnds,
  };
}

/** The command's user namespace has the same ids as the worker's. One write each. (user_namespaces(7)) */
function writeIdentityMaps(pid: number): void {
  const { uids, gids } = currentIdMaps();
  writeFileSync(`/proc/${pid}/uid_map`, identityMap(uids));
  writeFileSync(`/proc/${pid}/gid_map`, identityMap(gids));
}

function identityMap(extents: readonly IdExtent[]): string {
  return extents.map(({ inside, count }) => `${inside} ${inside} ${count}\n`).join('');
}

function checkIds({ user, demandedGroups }: PreparedRun, maps: ReturnType<typeof currentIdMaps>): void {
  const { uid, gid, groups } = user;
  // Where groups cannot be set, the supplementary ones do not count.
  const unmapped = [gid, ...(canSetGroups() ? groups : [])].find((group) => !isMapped(group, maps.gids));
  // Those that were asked for do.
  const missing = unmapped ?? (canSetGroups() ? undefined : demandedGroups[0]);
  if (!isMapped(uid, maps.uids) || missing !== undefined) {
    throw noMappedId({ uid, gid: missing ?? gid });
  }
}

let groupsAreOurs: boolean | undefined;

/** Decided before the ids of the namespace were written, and then for good. (user_namespaces(7)) */
function canSetGroups(): boolean {
  groupsAreOurs ??= readFileSync('/proc/self/setgroups', 'utf8').trim() === 'allow';
  return groupsAreOurs;
}
