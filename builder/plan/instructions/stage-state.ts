import { isAbsolute } from 'node:path/posix';
import type { Escape } from '../../../parser/syntax/containerfile.ts';
import { defaultPath } from '../../../registry/oci/image-config.ts';
import type { SourceImage } from '../../../registry/oci/image-source.ts';
import { constantTimeSeconds } from '../../../registry/oci/layer/constant-time.ts';
import type { Platform } from '../../../registry/oci/platform.ts';
import { epochName } from '../../settings/build-arguments.ts';
import type { Expander } from '../stages/expand-word.ts';
import type { ArgumentInfo } from '../stages/global-scope.ts';
import { type ConfigState, configStateOf, emptyConfigState, inheritConfig } from './config-state.ts';
import { joinImagePath } from './join-path.ts';

/** A variable, also as the environment of a command holds it: many commands share the one text. */
interface Variable {
  readonly value: string;
  /** `name=value`. */
  readonly entry: string;
}

/** A stage while its instructions are applied one after the other. */
export interface StageState {
  readonly config: ConfigState;
  author: string | undefined;
  /** What words and commands see: ENV and ARG, the later one of a name wins, and comes last. */
  readonly variables: Map<string, Variable>;
  /** Declared arguments, in the order in which their names came first. Inherited by child stages. */
  readonly args: Map<string, string | undefined>;
  /** Names that ENV of the file set, which options do not override. */
  readonly fileEnv: Set<string>;
  /** Declared here, for `outline`. Those whose value comes from a parent or from before the first FROM are not in it. */
  readonly declared: Map<string, ArgumentInfo>;
  /** Every name that an ARG of this stage mentions. */
  readonly usedArguments: Set<string>;
  /** CMD was set in this very stage, so a later ENTRYPOINT leaves it. */
  hasCmd: boolean;
  /** What the base's configuration says the image runs on. */
  readonly imagePlatform: Platform;
  readonly expander: Expander;
  /** Changes with `variables` alone. */
  environment: readonly string[] | undefined;
  /**
   * `a=1 b=2`, the arguments as they stand in the history of each RUN. It grows at its end, so that all those texts share their beginnings:
   * each by itself would make them quadratic in the number of arguments.
   */
  argumentList: string | undefined;
}

/** The start of a stage without an image below it. */
export function scratchState(platform: Platform, escape: Escape): StageState {
  return startState({ config: emptyConfigState(platform.os), author: undefined, imagePlatform: platform }, escape);
}

/** The start of a stage from an image. */
export function imageState(image: SourceImage, escape: Escape): StageState {
  const { config = {}, author } = image.config;
  return startState({ config: configStateOf(config), author, imagePlatform: platformOfImage(image) }, escape);
}

/** The platform that an image's configuration names. */
export function platformOfImage({ config }: SourceImage): Platform {
  const { os, architecture, variant } = config;
  const version = config['os.version'];
  return { os, architecture, ...(variant && { variant }), ...(version && { 'os.version': version }) };
}

/**
 * The start of a stage from another one. ARGs are inherited with their values, but the configuration's ENV comes after them again, as in
 * BuildKit: an ARG that beat an ENV in the parent does not in the child.
 */
export function childState(parent: StageState, escape: Escape): StageState {
  const { author, imagePlatform } = parent;
  const state = startState({ config: inheritConfig(parent.config), author, imagePlatform }, escape, parent.variables);
  for (const [name, value] of parent.args) state.args.set(name, value);
  for (const name of parent.fileEnv) state.fileEnv.add(name);
  return state;
}

type Start = Pick<StageState, 'config' | 'author' | 'imagePlatform'>;

function startState(start: Start, escape: Escape, inherited: StageState['variables'] = new Map()): StageState {
  const { config } = start;
  if (!config.env.has('PATH') && start.imagePlatform.os !== 'windows') config.env.set('PATH', defaultPath);
  if (config.workingDirectory !== '' && !isAbsolute(config.workingDirectory) && start.imagePlatform.os !== 'windows') {
    config.workingDirectory = joinImagePath('/', config.workingDirectory);
  }
  const variables = new Map(inherited);
  for (const [name, value] of config.env) setLast(variables, name, value);
  return {
    ...start,
    variables,
    args: new Map(),
    fileEnv: new Set(),
    declared: new Map(),
    usedArguments: new Set(),
    hasCmd: false,
    expander: { env: (name) => variables.get(name)?.value, escape },
    environment: undefined,
    argumentList: undefined,
  };
}

/** Sets a variable for what follows in the stage. The configuration is not touched. */
export function setVariable(state: StageState, name: string, value: string): void {
  setLast(state.variables, name, value);
  state.environment = undefined;
  if (state.args.has(name)) state.argumentList = undefined;
}

/** Declares an argument, with its value if it has one; a variable of that name is set before. */
export function declareArgument(state: StageState, name: string, value: string | undefined): void {
  const isNew = !state.args.has(name);
  state.args.set(name, value ?? state.args.get(name));
  if (!isNew) state.argumentList = undefined;
  else if (state.argumentList !== undefined) state.argumentList += ` ${argumentEntry(state, name)}`;
}

/** The environment of a RUN, in the order in which the variables were set. T0 as time, unless the stage says another one. */
export function environmentOf(state: StageState): readonly string[] {
  state.environment ??= makeEnvironment(state.variables);
  return state.environment;
}

/** `|2 a=1 b=2 ` as it stands in the history before the command of a RUN; '' without arguments. */
export function argumentPrefixOf(state: StageState): string {
  const { args } = state;
  if (args.size === 0) return '';
  state.argumentList ??= Array.from(args.keys(), (name) => argumentEntry(state, name)).join(' ');
  return `|${args.size} ${state.argumentList} `;
}

/** The folder that relative paths start from. */
export function workingDirectoryOf({ config }: StageState): string {
  return joinImagePath('/', config.workingDirectory);
}

function setLast(variables: StageState['variables'], name: string, value: string): void {
  variables.delete(name);
  variables.set(name, { value, entry: `${name}=${value}` });
}

function makeEnvironment(variables: StageState['variables']): readonly string[] {
  const environment = Array.from(variables.values(), ({ entry }) => entry);
  if (!variables.has(epochName)) environment.push(`${epochName}=${constantTimeSeconds}`);
  return environment;
}

function argumentEntry({ args, variables }: StageState, name: string): string {
  return variables.get(name)?.entry ?? `${name}=${args.get(name) ?? ''}`;
}
