import type { RunAction, RunMount } from '../../executor/protocol/actions.ts';
import type { Confinement } from '../../executor/protocol/confinement.ts';
import { allLines } from '../keys/copy-digest.ts';
import type { KeyedRun } from '../keys/keyed-action.ts';
import type { PlannedRun } from '../plan/model/plan.ts';
import { callerTraits } from '../sandbox/caller-traits.ts';
import type { DeviceEdits } from '../sandbox/devices/device-edits.ts';
import { findEmulation } from '../sandbox/find-emulator.ts';
import { proxyEnv } from '../sandbox/proxies.ts';
import type { RunSettings } from '../settings/run-settings.ts';
import { hostGateway } from '../settings/run-values.ts';
import { type MountedInput, prepareMount } from './prepare-mounts.ts';
import type { PreparedStep } from './prepared-step.ts';
import type { PlacedStep, StageSolving } from './solved-stage.ts';

/** RUN. @throws SourceError for a mount whose source is not there */
export async function prepareRun(action: PlannedRun, placed: PlacedStep, around: StageSolving): Promise<PreparedStep> {
  const settings = around.solving.options.run;
  const { confinement } = around.solving;
  const devices = around.solving.devices.of(action);
  const mounts = await Promise.all(action.mounts.map((mount) => prepareMount(mount, placed, around)));
  return {
    action: keyedRun(action, { settings, confinement, devices, mounts: mounts.map(({ keyed }) => keyed) }),
    inputs: async () => allLines(await Promise.all(mounts.map(({ inputs }) => inputs()))),
    materialise: async (cleanup): Promise<RunAction> => {
      const inputs = [];
      for (const mount of mounts) inputs.push(await mount.materialise(cleanup));
      const env = [
        ...action.env,
        ...devices.env,
        ...agentVariable(action, inputs),
        ...inputs.flatMap((input) => input.env ?? []),
      ];
      const network = await around.solving.network.of(action.network);
      const emulation = await findEmulation(placed.stage.platform, around.solving.options);
      return {
        ...runFields(action, settings),
        ...confinementFields(settings, confinement),
        ...(emulation !== undefined && { emulation }),
        network,
        env: [...env, ...proxyEnv(around.solving.options, { present: env, network })],
        mounts: [...volumesOf(settings), ...devices.mounts, ...inputs.flatMap((input) => input.mount ?? [])],
        hosts: settings.hosts,
        dns: settings.dns,
        devices: devices.nodes,
        ...(devices.additionalGids.length > 0 && { additionalGids: devices.additionalGids }),
        ...(devices.hooks.length > 0 && { hooks: devices.hooks }),
      };
    },
  };
}

/** Of several agents the first is the one that programs find, unless the image or the Containerfile names another. */
function agentVariable({ env }: PlannedRun, inputs: readonly MountedInput[]): readonly string[] {
  const agent = inputs.find(({ mount }) => mount?.kind === 'ssh')?.mount;
  return agent === undefined || env.some((entry) => entry.startsWith('SSH_AUTH_SOCK=')) ? [] : [`SSH_AUTH_SOCK=${agent.target}`];
}

/** By which way a command reaches other machines does not count: what it fetches there has to be the same. */
function keyedNetwork({ network }: PlannedRun): KeyedRun['network'] {
  return network === 'none' ? 'none' : 'host';
}

/** Which address this machine has in a network does not count either. */
function keyedHosts({ hosts }: RunSettings): KeyedRun['hosts'] {
  return hosts.map(({ name, address }) => ({ name, address: address === hostGateway ? '127.0.0.1' : address }));
}

/** What both the key and the worker take as it is. */
function runFields(
  action: PlannedRun,
  settings: RunSettings,
): Omit<RunAction, 'network' | 'env' | 'mounts' | 'hosts' | 'dns' | 'devices'> {
  const { argv, cwd, user, security, files } = action;
  const { hostname, ulimits, shmSizeBytes } = settings;
  return { kind: 'run', argv, cwd, user, security, files, hostname, ulimits, shmSizeBytes };
}

/** What a usual build says nothing of. */
function confinementFields(settings: RunSettings, confinement: Confinement | undefined): ConfinementFields {
  const { additionalGroups } = settings;
  return {
    ...(confinement !== undefined && { confinement }),
    ...(additionalGroups.length > 0 && { additionalGroups }),
    ...(settings.confinement.isStrict && { isStrict: true }),
    // How much a command may take is in no key: it says when a result comes, not which.
    ...(settings.limits !== undefined && { limits: settings.limits }),
  };
}

type ConfinementFields = Pick<RunAction, 'confinement' | 'additionalGroups' | 'isStrict' | 'limits'>;

function volumesOf({ volumes }: RunSettings): readonly Extract<RunMount, { kind: 'volume' }>[] {
  return volumes.map(({ mount }) => mount);
}

const traits = new WeakMap<RunSettings, readonly string[]>();

/** Read once for all RUNs of a build: four files of proc(5) for each cost more than the rest of a key. */
function traitsOnce(settings: RunSettings): readonly string[] {
  const known = traits.get(settings) ?? callerTraits(settings.ulimits.map(({ name }) => name));
  traits.set(settings, known);
  return known;
}

interface KeyParts {
  readonly settings: RunSettings;
  readonly confinement: Confinement | undefined;
  readonly devices: DeviceEdits;
  readonly mounts: KeyedRun['mounts'];
}

function keyedRun(action: PlannedRun, { settings, confinement, devices, mounts }: KeyParts): KeyedRun {
  return {
    ...runFields(action, settings),
    network: keyedNetwork(action),
    confinement,
    additionalGroups: settings.additionalGroups,
    env: [...action.env, ...devices.env],
    mounts: [...volumesOf(settings), ...devices.mounts, ...mounts],
    caller: traitsOnce(settings),
    hosts: keyedHosts(settings),
    dns: settings.dns,
    devices: [
      ...devices.names,
      ...devices.nodes.map(({ target }) => target),
      ...devices.additionalGids.map((gid) => `group ${gid}`),
      ...devices.hooks.map((hook) => `hook ${JSON.stringify(hook)}`),
    ],
  };
}
