import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ContainerfileError, type Diagnostic } from '../../../parser/mistakes/errors.ts';
import type { Source } from '../../../parser/syntax/span.ts';
import { UsageError } from '../../contract/errors.ts';
import type { Plan, PlannedRun } from '../../plan/model/plan.ts';
import { errorDiagnostic } from '../../plan/model/refuse.ts';
import type { Tell } from '../../session/tell.ts';
import type { DeviceNode } from '../../settings/device-flag.ts';
import type { DeviceGrants } from '../../settings/device-grants.ts';
import type { Settings } from '../../settings/settings.ts';
import { systemReason } from '../../show/system-reason.ts';
import { type CdiRegistry, defaultSpecDirectories, type RegisteredDevice, readCdiRegistry } from './cdi-registry.ts';
import { type DeviceEdits, editsOf, obstacleOf, shortcomingsOf } from './device-edits.ts';
import { findDevices, isAutoAllowed } from './find-devices.ts';

/** The devices of every RUN of a build. */
export interface DevicesOfRuns {
  of(run: PlannedRun): DeviceEdits;
}

interface Surroundings {
  readonly options: Pick<Settings, 'run' | 'cdiSpecDirectories'>;
  readonly sources: readonly Source[];
  readonly tell: Tell;
}

/**
 * Finds what the RUNs of all plans get by `--device`, before the first of them runs. Specifications are read only when someone asks for a
 * device. A device that is not there and not required is left out, with a notice.
 *
 * @throws ContainerfileError for devices that are not there, not allowed or not possible; UsageError for those of the command line
 */
export async function resolveDevices(plans: readonly Plan[], around: Surroundings): Promise<DevicesOfRuns> {
  const { options, sources, tell } = around;
  const runs = plans.flatMap(runsOf).filter(({ devices }) => devices.length > 0);
  const { devices: flags, grants } = options.run;
  if (runs.length === 0 && flags.length === 0) return { of: () => editsOf([], []) };
  const folders = foldersOf(options);
  const resolving: DeviceResolution = {
    registry: await readCdiRegistry(folders),
    folders,
    grants,
    errors: [],
    notices: new Set(),
  };
  const given = flags.flatMap((flag): readonly FoundDevice[] =>
    flag.kind === 'cdi' ? ofCommandLine(flag.name, resolving) : [flag.node],
  );
  const requested = new Map(runs.map((run) => [run, run.devices.flatMap((request) => ofContainerfile(request, resolving))]));
  if (resolving.errors.length > 0) throw new ContainerfileError(withoutRepeats(resolving.errors), sources);
  for (const message of resolving.notices) tell({ kind: 'notice', message });
  return { of: (run) => mergedEdits([...given, ...(requested.get(run) ?? [])]) };
}

/** @throws UsageError for devices of the command line that are not there, or not possible here, before anything is done for them */
export async function checkGivenDevices(options: Pick<Settings, 'run' | 'cdiSpecDirectories'>): Promise<void> {
  const { devices: flags } = options.run;
  const folders = foldersOf(options);
  const registry = flags.some(({ kind }) => kind === 'cdi') ? await readCdiRegistry(folders) : undefined;
  for (const flag of flags) {
    if (flag.kind === 'node') await checkNode(flag.node);
    else if (registry !== undefined) ofCommandLine(flag.name, { registry, folders, notices: new Set() });
  }
}

async function checkNode({ source }: DeviceNode): Promise<void> {
  try {
    await stat(source);
  } catch (error) {
    const message = messageOf({ device: source, why: systemReason(error) });
    throw new UsageError('--device', message, { hint: 'Check --device', cause: error });
  }
}

function foldersOf({ cdiSpecDirectories = [] }: Pick<Settings, 'cdiSpecDirectories'>): readonly string[] {
  return cdiSpecDirectories.length === 0 ? defaultSpecDirectories : cdiSpecDirectories;
}

function runsOf({ stages }: Plan): readonly PlannedRun[] {
  return stages.flatMap(({ steps }) => steps.flatMap(({ action }) => (action?.kind === 'run' ? [action] : [])));
}

interface DeviceResolution {
  readonly registry: CdiRegistry;
  readonly folders: readonly string[];
  readonly grants: DeviceGrants;
  readonly errors: Diagnostic[];
  readonly notices: Set<string>;
}

type FoundDevice = RegisteredDevice | DeviceNode;

function mergedEdits(found: readonly FoundDevice[]): DeviceEdits {
  const devices = new Set(found.filter((item): item is RegisteredDevice => 'spec' in item));
  const nodes = found.filter((item): item is DeviceNode => !('spec' in item));
  return editsOf([...devices], nodes);
}

/** Whoever types the command allows what it names, and needs it. */
function ofCommandLine(
  name: string,
  { registry, folders, notices }: Pick<DeviceResolution, 'registry' | 'folders' | 'notices'>,
): readonly RegisteredDevice[] {
  const devices = findDevices(name, registry);
  const problem = devices.length === 0 ? notRegistered(name, registry, folders) : devices.flatMap(impossible)[0];
  if (problem === undefined) {
    for (const sentence of devices.flatMap(shortcomingsOf)) notices.add(sentence);
    return devices;
  }
  throw new UsageError('--device', messageOf(problem), { hint: problem.hint });
}

/** Builds for several platforms find the same. */
function withoutRepeats(errors: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(errors.map((error) => [`${error.span?.start} ${error.message}`, error])).values()];
}

function ofContainerfile(request: PlannedRun['devices'][number], resolving: DeviceResolution): readonly FoundDevice[] {
  const { grants, errors, notices } = resolving;
  const aliased = grants.aliases.get(request.name);
  const isAllowed = grants.all || aliased !== undefined;
  const look = request.name.startsWith('/') ? findNode : findRegistered;
  const { found, refused, missing } = look(aliased ?? request.name, isAllowed, resolving);
  const problems = missing !== undefined && request.isRequired ? [missing] : refused;
  for (const problem of problems) {
    errors.push(errorDiagnostic({ code: 'device', message: messageOf(problem), span: request.span, hint: problem.hint }));
  }
  if (missing !== undefined && !request.isRequired) {
    notices.add(`RUN goes without the device "${missing.device}", which is not required: ${missing.why}`);
  }
  const registered = found.filter((item): item is RegisteredDevice => 'spec' in item);
  for (const sentence of registered.flatMap(shortcomingsOf)) notices.add(sentence);
  return found;
}

/** Why there is no such device for a build. */
interface Problem {
  readonly device: string;
  readonly why: string;
  readonly hint?: string;
}

interface Outcome {
  readonly found: readonly FoundDevice[];
  readonly refused: readonly Problem[];
  readonly missing?: Problem;
}

function findNode(path: string, isAllowed: boolean, { grants }: DeviceResolution): Outcome {
  if (!existsSync(path)) return { found: [], refused: [], missing: { device: path, why: 'it does not exist' } };
  const node: DeviceNode = { source: path, target: path, permissions: 'rwm' };
  return { found: [node], refused: isAllowed || grants.names.includes(path) ? [] : [notAllowed(path)] };
}

function findRegistered(name: string, isAllowed: boolean, { registry, grants, folders }: DeviceResolution): Outcome {
  const found = findDevices(name, registry);
  if (found.length === 0) return { found, refused: [], missing: notRegistered(name, registry, folders) };
  const granted = new Set(grants.names.flatMap((grant) => findDevices(grant, registry)));
  const forbidden = found.filter((device) => !isAllowed && !granted.has(device) && !isAutoAllowed(device));
  return {
    found,
    refused: forbidden.length > 0 ? forbidden.map((device) => notAllowed(device.name)) : found.flatMap(impossible),
  };
}

function messageOf({ device, why }: Problem): string {
  return `Cannot use the device "${device}": ${why}`;
}

function notAllowed(device: string): Problem {
  return { device, why: 'the build requests it, but it is not allowed', hint: `Allow it with --allow device=${device}` };
}

function impossible(device: RegisteredDevice): readonly Problem[] {
  const why = obstacleOf(device);
  return why === undefined ? [] : [{ device: device.name, why }];
}

function notRegistered(device: string, { devices, problems }: CdiRegistry, folders: readonly string[]): Problem {
  const places = folders.map((folder) => `"${folder}"`).join(' and ');
  const known = [...devices.keys()].slice(0, 10).join(', ');
  const others = known === '' ? 'Other folders of specifications: --cdi-spec-dir DIR' : `Registered are ${known}`;
  return {
    device,
    why: `it is not registered in ${places}`,
    hint: problems[0] === undefined ? others : `Skipped: ${problems[0]}`,
  };
}
