import { type ContainerConfig, defaultPath, type Healthcheck } from '../../../registry/oci/image-config.ts';
import { byName } from '../../../registry/oci/text/sort-order.ts';

/** The configuration of a stage while its instructions are applied. Maps keep the order in which names came first. */
export interface ConfigState {
  user: string;
  readonly exposedPorts: Set<string>;
  readonly env: Map<string, string>;
  entrypoint: readonly string[] | undefined;
  cmd: readonly string[] | undefined;
  readonly volumes: Set<string>;
  /** Absolute, as it was written; '' when the base does not say. */
  workingDirectory: string;
  readonly labels: Map<string, string>;
  stopSignal: string | undefined;
  isArgsEscaped: boolean;
  healthcheck: Healthcheck | undefined;
  readonly onBuild: string[];
  shell: readonly string[] | undefined;
}

/** What runs shell forms when SHELL does not say otherwise. */
export function defaultShell(os: string): readonly string[] {
  return os === 'windows' ? ['cmd', '/S', '/C'] : ['/bin/sh', '-c'];
}

/** The configuration of an image as the start of a stage. Its ONBUILD triggers do not pass on. Docker writes null for what is not set. */
export function configStateOf(config: ContainerConfig): ConfigState {
  return {
    user: config.User ?? '',
    exposedPorts: new Set(Object.keys(config.ExposedPorts ?? {})),
    env: new Map((config.Env ?? []).map(splitVariable)),
    entrypoint: config.Entrypoint ?? undefined,
    cmd: config.Cmd ?? undefined,
    volumes: new Set(Object.keys(config.Volumes ?? {})),
    workingDirectory: config.WorkingDir ?? '',
    labels: new Map(Object.entries(config.Labels ?? {})),
    stopSignal: config.StopSignal ?? undefined,
    isArgsEscaped: config.ArgsEscaped ?? false,
    healthcheck: config.Healthcheck ?? undefined,
    onBuild: [],
    shell: config.Shell ?? undefined,
  };
}

/** The configuration that a stage without a base image starts with. */
export function emptyConfigState(os: string): ConfigState {
  return configStateOf(os === 'windows' ? { WorkingDir: '\\' } : { Env: [`PATH=${defaultPath}`], WorkingDir: '/' });
}

/** A copy for a child stage, without the ONBUILD triggers. */
export function inheritConfig(parent: ConfigState): ConfigState {
  return {
    ...parent,
    exposedPorts: new Set(parent.exposedPorts),
    env: new Map(parent.env),
    volumes: new Set(parent.volumes),
    labels: new Map(parent.labels),
    onBuild: [],
  };
}

/** The configuration as it goes into the image: what is not set is left out, sets and labels are sorted as Go writes its maps. */
export function containerConfigOf(state: ConfigState): ContainerConfig {
  return {
    ...(state.user !== '' && { User: state.user }),
    ...(state.exposedPorts.size > 0 && { ExposedPorts: emptyObjects(state.exposedPorts) }),
    ...(state.env.size > 0 && { Env: [...state.env].map(([name, value]) => `${name}=${value}`) }),
    ...(isSet(state.entrypoint) && { Entrypoint: state.entrypoint }),
    ...(isSet(state.cmd) && { Cmd: state.cmd }),
    ...(state.volumes.size > 0 && { Volumes: emptyObjects(state.volumes) }),
    ...(state.workingDirectory !== '' && { WorkingDir: state.workingDirectory }),
    ...(state.labels.size > 0 && { Labels: Object.fromEntries([...state.labels].toSorted(byName)) }),
    ...(state.stopSignal !== undefined && { StopSignal: state.stopSignal }),
    ...(state.isArgsEscaped && { ArgsEscaped: true }),
    ...(state.healthcheck !== undefined && { Healthcheck: state.healthcheck }),
    ...(state.onBuild.length > 0 && { OnBuild: state.onBuild }),
    ...(isSet(state.shell) && { Shell: state.shell }),
  };
}

/** `CMD []` takes the command of the base away, and is not told from no command: Go leaves empty lists out. */
function isSet(words: readonly string[] | undefined): words is readonly string[] {
  return words !== undefined && words.length > 0;
}

function splitVariable(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  return equals === -1 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}

function emptyObjects(names: ReadonlySet<string>): Readonly<Record<string, object>> {
  return Object.fromEntries([...names].toSorted().map((name) => [name, {}]));
}
