import { readFileSync, writeFileSync } from 'node:fs';
import { currentIdMaps, type IdExtent, isMapped } from '../../../native/identity.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { startTape, type TapeProcess } from '../../../native/tape/start.ts';
import type { RunAction } from '../../protocol/actions.ts';
import type { EmulationMeans } from '../emulation/means.ts';
import { noMappedId } from '../owner.ts';
import type { RequestContext } from '../request-context.ts';
import type { ResolvedUser } from '../users.ts';
import { CommandFailed } from './errors.ts';
import { explainStart } from './explain-start.ts';
import { kernelFacts } from './kernel-facts.ts';
import type { AttachedMounts } from './mounts/attach.ts';
import { OutputPipes } from './output-pipes.ts';
import { type SandboxFacts, sandboxNamespaces, sandboxTape } from './sandbox-plan.ts';
import { waitOrCancel } from './wait-or-cancel.ts';

/** A RUN whose mounts are attached. */
export interface PreparedRun {
  readonly action: RunAction;
  readonly user: ResolvedUser;
  readonly attached: AttachedMounts;
}

/** Starts the command in its namespaces and waits until it and all that it started are gone. */
export async function runSandbox(run: PreparedRun, context: RequestContext): Promise<void> {
  const maps = currentIdMaps();
  checkIds(run.user, maps);
  const means = await meansOf(run.action);
  using pipes = new OutputPipes(run.user);
  const process = await start({ ...run, means }, pipes, context);
  pipes.closeCommandEnds();
  const [status] = await Promise.all([waitOrCancel(process, context.signal), pipes.forward(context)]);
  context.signal.throwIfAborted();
  if (status.exitCode !== 0) {
    throw new CommandFailed(status.exitCode, status.signal);
  }
}

const otherImage = 'Choose the image for this machine: --platform';

/** What this worker has learned: an outer container may mask /proc or /sys, and then the kernel refuses new ones (EPERM). */
const refused = { proc: false, sys: false };

/** Commands of this machine's platform pay nothing for the others. */
async function meansOf({ emulation }: RunAction): Promise<EmulationMeans> {
  if (emulation === undefined) {
    return { kind: 'given' };
  }
  const { emulationMeans } = await import('../emulation/means.ts');
  return emulationMeans(emulation);
}

interface EmulatedRun extends PreparedRun {
  readonly means: EmulationMeans;
}

async function start(run: EmulatedRun, pipes: OutputPipes, context: RequestContext): Promise<TapeProcess> {
  const { action, attached } = run;
  try {
    return await startTape(sandboxTape(action, factsOf(run, pipes)), {
      namespaces: sandboxNamespaces(action),
      onCloned: writeIdentityMaps,
    });
  } catch (error) {
    const type = isSyscallError(error, 'EPERM') && error.syscall === 'mount' ? error.subject : '';
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
    throw explainStart(error, action, {
      root: attached.root,
      foreignHint: run.means.kind === 'missing' ? run.means.hint : otherImage,
    });
  }
}

function factsOf({ action, user, attached, means }: EmulatedRun, pipes: OutputPipes): SandboxFacts {
  return {
    root: attached.root,
    places: { proc: attached.placeOf('/proc'), sys: attached.placeOf('/sys'), dev: attached.placeOf('/dev') },
    proc: refused.proc ? 'bound' : 'new',
    // Only a network namespace of one's own gives the right to a new sysfs.
    sys: action.network === 'host' || refused.sys ? 'bound' : 'new',
    user,
    canSetGroups: canSetGroups(),
    kernel: kernelFacts(),
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

function checkIds({ uid, gid, groups }: ResolvedUser, maps: ReturnType<typeof currentIdMaps>): void {
  // Where groups cannot be set, the supplementary ones do not count.
  const unmapped = [gid, ...(canSetGroups() ? groups : [])].find((group) => !isMapped(group, maps.gids));
  if (!isMapped(uid, maps.uids) || unmapped !== undefined) {
    throw noMappedId({ uid, gid: unmapped ?? gid });
  }
}

function canSetGroups(): boolean {
  return readFileSync('/proc/self/setgroups', 'utf8').trim() === 'allow';
}
