import type { RunMount } from '../../executor/protocol/actions.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { UsageError } from '../contract/errors.ts';
import type { KeyedMount } from '../keys/keyed-action.ts';
import type { PlannedMount } from '../plan/model/plan.ts';
import { secretValue } from '../secrets/secret-value.ts';
import type { Cleanup } from '../session/cleanup.ts';
import { openMountTree } from './mount-tree.ts';
import type { PlacedStep, StageSolving } from './solved-stage.ts';

/** What a mount gives a RUN: something mounted, a variable, both, or nothing (an optional secret that was not given). */
export interface MountedInput {
  readonly mount: RunMount | undefined;
  /** `NAME=value`; values of secrets, so never shown. */
  readonly env: string | undefined;
}

/** A mount that can be looked up, and made when the step must run. */
export interface StepMount {
  readonly keyed: KeyedMount;
  readonly inputs: () => Promise<Iterable<string>>;
  materialise(cleanup: Cleanup): Promise<MountedInput>;
}

const noInputs = async (): Promise<readonly string[]> => [];

/** Finds what a `RUN --mount` needs, without acquiring it. @throws SourceError for a source that is not there */
export async function prepareMount(mount: PlannedMount, placed: PlacedStep, around: StageSolving): Promise<StepMount> {
  switch (mount.kind) {
    case 'bind':
      return prepareBind(mount, around);
    case 'cache':
      return prepareCache(mount, placed, around);
    case 'tmpfs':
      return { keyed: mount, inputs: noInputs, materialise: async () => ({ mount, env: undefined }) };
    case 'secret':
      return { keyed: mount, inputs: noInputs, materialise: async () => secretInput(mount, around) };
    case 'ssh':
      return { keyed: mount, inputs: noInputs, materialise: async (cleanup) => agentInput(mount, around, cleanup) };
    default:
      return unreachable(mount);
  }
}

async function prepareBind(mount: Extract<PlannedMount, { kind: 'bind' }>, around: StageSolving): Promise<StepMount> {
  const { target, isWritable } = mount;
  const tree = await openMountTree(mount.from, mount.source, around);
  return {
    keyed: { kind: 'bind', target, digest: tree.digest, isWritable },
    inputs: tree.inputs,
    materialise: async () => ({ mount: { kind: 'bind', target, isWritable, ...(await tree.place()) }, env: undefined }),
  };
}

/** A cache is known by id, origin and owner: BuildKit keeps apart what differs in any of them. */
async function prepareCache(
  mount: Extract<PlannedMount, { kind: 'cache' }>,
  { stage }: PlacedStep,
  around: StageSolving,
): Promise<StepMount> {
  const { target, isReadOnly, uid, gid, mode } = mount;
  const initial = mount.from === undefined ? undefined : await openMountTree(mount.from, '/', around);
  const identity = JSON.stringify([mount.id, initial?.digest ?? null, uid, gid, mode]);
  const { store, signal, tell } = around.solving;
  return {
    keyed: { kind: 'cache', target, initialDigest: initial?.digest, isReadOnly, uid, gid, mode },
    inputs: noInputs,
    materialise: async (cleanup) => {
      const onWait = (): void => tell({ kind: 'notice', message: `Waiting for cache mount "${mount.id}": another step uses it` });
      const held = await store.cacheMounts.acquire({
        identity,
        sharing: mount.sharing,
        reset: stage.isCacheIgnored,
        signal,
        onWait,
      });
      cleanup.defer(() => held[Symbol.dispose]());
      const source = held.isNew ? (await initial?.place())?.source : undefined;
      return {
        mount: {
          kind: 'cache',
          target,
          directory: held.directory,
          path: mount.source,
          initial: source,
          isShared: mount.sharing === 'shared',
          isReadOnly,
          uid,
          gid,
          mode,
        },
        env: undefined,
      };
    },
  };
}

async function secretInput(mount: Extract<PlannedMount, { kind: 'secret' }>, { solving }: StageSolving): Promise<MountedInput> {
  const value = await readSecret(mount, solving.options);
  if (value === undefined) return { mount: undefined, env: undefined };
  const { target, uid, gid, mode } = mount;
  return {
    mount: target === undefined ? undefined : { kind: 'secret', target, value: value.toString('base64'), uid, gid, mode },
    env: mount.env === undefined ? undefined : `${mount.env}=${value.toString('utf8')}`,
  };
}

async function readSecret(
  { id, isRequired }: Extract<PlannedMount, { kind: 'secret' }>,
  options: StageSolving['solving']['options'],
): Promise<Buffer | undefined> {
  const value = await secretValue(id, options);
  if (value !== undefined || !isRequired) return value;
  throw new UsageError('--secret', `Cannot mount secret "${id}": secret ${id}: not found`, {
    hint: `Give it with --secret id=${id},src=FILE`,
  });
}

async function agentInput(
  mount: Extract<PlannedMount, { kind: 'ssh' }>,
  { solving }: StageSolving,
  cleanup: Cleanup,
): Promise<MountedInput> {
  const { id, target, uid, gid, mode, isRequired } = mount;
  const { ssh = {}, environment } = solving.options;
  if (!Object.hasOwn(ssh, id)) {
    if (!isRequired) return { mount: undefined, env: undefined };
    throw new UsageError('--ssh', `Cannot mount SSH agent "${id}": unset ssh forward key ${id}`, {
      hint: `Give it with --ssh ${id}`,
    });
  }
  const { openAgentSocket } = await import('../secrets/ssh-agent.ts');
  const socket = cleanup.use(
    await openAgentSocket(await solving.store.newPath(), {
      source: ssh[id] ?? [],
      callerSocket: environment['SSH_AUTH_SOCK'],
      signal: solving.signal,
    }),
  );
  return { mount: { kind: 'ssh', target, socket: socket.path, uid, gid, mode }, env: undefined };
}
