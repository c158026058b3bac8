import type { Hook, RunAction, RunMount } from '../../../executor/protocol/actions.ts';
import type { DeviceNode } from '../../settings/device-flag.ts';
import type { RegisteredDevice } from './cdi-registry.ts';
import type { CdiMount, ContainerEdits } from './cdi-spec.ts';

/** What the devices of a RUN change in its sandbox. */
export interface DeviceEdits {
  /** The CDI devices, by their full names. */
  readonly names: readonly string[];
  /** `NAME=value`; wins over what the image and the Containerfile say. */
  readonly env: readonly string[];
  /** One for each path inside: the last one that wants it. */
  readonly nodes: RunAction['devices'];
  readonly mounts: readonly DeviceMount[];
  readonly hooks: readonly Hook[];
  /** Groups of the command, beside those of its user. */
  readonly additionalGids: readonly number[];
}

type DeviceMount = Extract<RunMount, { kind: 'volume' | 'tmpfs' }>;

/** The edits of devices, each once, in order: what a specification says for all its devices comes before the first of them. */
export function editsOf(devices: readonly RegisteredDevice[], nodes: readonly DeviceNode[]): DeviceEdits {
  const specs = new Set(devices.map(({ spec }) => spec));
  const parts: ContainerEdits[] = [...specs].flatMap((spec) => [
    spec.edits,
    ...devices.filter((device) => device.spec === spec).map(({ device }) => device.edits),
  ]);
  return {
    names: devices.map(({ name }) => name),
    env: parts.flatMap(({ env }) => env),
    nodes: lastForEachTarget([...parts.flatMap((part) => part.nodes), ...nodes].map(nodeOf)),
    mounts: lastForEachTarget(parts.flatMap(({ mounts }) => mounts.map(mountOf))),
    hooks: parts.flatMap(({ hooks }) => hooks),
    additionalGids: [...new Set(parts.flatMap(({ additionalGids }) => additionalGids))],
  };
}

/** Why a device cannot be had here, to stand after a colon; undefined when it can. */
export function obstacleOf({ spec, device, file }: RegisteredDevice): string | undefined {
  const edits = [spec.edits, device.edits];
  const [privileged] = edits.flatMap((edit) => edit.privileged);
  if (privileged !== undefined) {
    return `its specification "${file}" asks for ${privileged}, which a builder without root cannot carry out`;
  }
  return edits
    .flatMap(({ mounts }) => mounts)
    .map(mountObstacle)
    .find((obstacle) => obstacle !== undefined);
}

/** What a device asks for and goes without: sentences for people. */
export function shortcomingsOf({ name, spec, device }: RegisteredDevice): readonly string[] {
  return [spec.edits, device.edits].flatMap(({ nodes }) =>
    nodes.flatMap(({ target, unmet }) =>
      unmet === undefined
        ? []
        : [
            `Device "${name}": "${target}" keeps what the machine's own node has, in spite of ${unmet.join(', ')} of its specification`,
          ],
    ),
  );
}

/** What every mount has anyway, or what changes nothing for a command. */
const plainOptions = ['', 'rw', 'nosuid', 'nodev', 'exec', 'private', 'rprivate', 'slave', 'rslave'];
const bindOptions = new Set([...plainOptions, 'bind', 'rbind', 'ro', 'noexec']);
const tmpfsOptions = new Set([...plainOptions, 'ro', 'noexec']);
/** Of tmpfs(5). */
const tmpfsValue = /^(size|nr_blocks|nr_inodes|mode|uid|gid)=([0-9]+[kKmMgG%]?)$/;

function mountObstacle({ type, source, target, options }: CdiMount): string | undefined {
  const isKnown = (option: string): boolean =>
    type === 'tmpfs' ? tmpfsOptions.has(option) || tmpfsValue.test(option) : bindOptions.has(option);
  const unknown = options.find((option) => !isKnown(option));
  if (!['', 'none', 'bind', 'tmpfs'].includes(type)) {
    return `its mount at "${target}" is of type "${type}", and only binds and tmpfs are supported`;
  }
  if (unknown !== undefined) return `its mount at "${target}" has the option "${unknown}", which is not supported`;
  return type === 'tmpfs' || source.startsWith('/')
    ? undefined
    : `its mount at "${target}" is of "${source}", which is no absolute path`;
}

function mountOf({ type, source, target, options }: CdiMount): DeviceMount {
  const isNoExec = options.includes('noexec') && ({ isNoExec: true } as const);
  const isReadOnly = options.includes('ro');
  if (type !== 'tmpfs') return { kind: 'volume', source, target, isReadOnly, ...isNoExec };
  const values = options.flatMap((option) => {
    const [, name, value] = tmpfsValue.exec(option) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  return {
    kind: 'tmpfs',
    target,
    sizeBytes: undefined,
    options: Object.fromEntries(values),
    ...(isReadOnly && { isReadOnly }),
    ...isNoExec,
  };
}

function nodeOf({ source, target, permissions }: DeviceNode): RunAction['devices'][number] {
  return { source, target, permissions };
}

function lastForEachTarget<T extends { readonly target: string }>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [item.target, item])).values()];
}
