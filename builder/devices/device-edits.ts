import type { RunAction, RunMount } from '../../executor/protocol/actions.ts';
import type { RegisteredDevice } from './cdi-registry.ts';
import type { CdiMount, ContainerEdits, DeviceNode } from './cdi-spec.ts';

/** What the devices of a RUN change in its sandbox. */
export interface DeviceEdits {
  /** The CDI devices, by their full names. */
  readonly names: readonly string[];
  /** `NAME=value`; wins over what the image and the Containerfile say. */
  readonly env: readonly string[];
  /** One for each path inside: the last one that wants it. */
  readonly nodes: RunAction['devices'];
  readonly mounts: readonly Extract<RunMount, { kind: 'volume' }>[];
}

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
    nodes: lastForEachTarget([...parts.flatMap((part) => part.nodes), ...nodes]),
    mounts: lastForEachTarget(parts.flatMap(({ mounts }) => mounts.map(volumeOf))),
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

/** What a bind mount has anyway, or what changes nothing for a command. */
const plainOptions = new Set(['', 'bind', 'rbind', 'rw', 'nosuid', 'nodev', 'exec', 'private', 'rprivate', 'slave', 'rslave']);
const knownOptions = new Set([...plainOptions, 'ro', 'noexec']);

function mountObstacle({ type, source, target, options }: CdiMount): string | undefined {
  const unknown = options.find((option) => !knownOptions.has(option));
  if (!['', 'none', 'bind'].includes(type)) return `its mount at "${target}" is of type "${type}", and only binds are supported`;
  if (unknown !== undefined) return `its mount at "${target}" has the option "${unknown}", which is not supported`;
  return source.startsWith('/') ? undefined : `its mount at "${target}" is of "${source}", which is no absolute path`;
}

function volumeOf({ source, target, options }: CdiMount): DeviceEdits['mounts'][number] {
  const isReadOnly = options.includes('ro');
  return { kind: 'volume', source, target, isReadOnly, ...(options.includes('noexec') && { isNoExec: true }) };
}

function lastForEachTarget<T extends { readonly target: string }>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [item.target, item])).values()];
}
