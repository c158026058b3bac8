import type { Source } from '../../../parser/syntax/span.ts';
import { ownValue } from '../../../registry/oci/own-value.ts';
import type { Platform } from '../../../registry/oci/platform.ts';
import type { BuildOptions } from '../../contract/options.ts';
import { isImageLocation, parseContextLocation } from './context-location.ts';

/** What stands behind a `--build-context` name, as far as planning must know. */
export type ContextKind = 'image' | 'tree' | 'scratch';

/** What a RUN may ask for beyond the sandbox; devices are looked at when they are found. */
export type Entitlement = 'network.host' | 'security.insecure';

/** Everything besides the Containerfile and the base images that a plan depends on. */
export interface PlanOptions {
  /** Name of a stage, any case; undefined: the last one. */
  readonly target: string | undefined;
  /** No stage counts as superfluous: for who looks at the file and builds nothing. */
  readonly isEveryStageNeeded?: boolean;
  readonly platform: Platform;
  /** True when the platform was asked for, so that the image's configuration must say it. */
  readonly isPlatformExplicit: boolean;
  readonly buildPlatform: Platform;
  /** True when the build is for other platforms too, so that titles name this one. */
  readonly isOneOfSeveral?: boolean;
  /** Values already looked up in the environment; a name without a value is not in it. */
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly contexts: ReadonlyMap<string, ContextKind>;
  readonly labels: Readonly<Record<string, string>>;
  readonly unsetLabels: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly unsetEnv: readonly string[];
  readonly allow: ReadonlySet<Entitlement>;
  /** For every RUN that does not say `--network` itself. */
  readonly network: 'default' | 'none' | 'host';
  readonly noCache: boolean | readonly string[];
  /** Replaces the image of the last FROM. */
  readonly from: string | undefined;
  /** Seconds since the epoch. */
  readonly sourceDateEpoch: number | undefined;
  /** The time of what SOURCE_DATE_EPOCH names instead of a number; see epochSourceOf(). undefined when it was not looked up. */
  readonly namedEpoch?: { readonly seconds: number | undefined };
  /** What spans point into, so that errors can show the code. */
  readonly sources: readonly Source[];
}

/** What a build knows besides its options when it plans. */
export interface PlanSurroundings {
  readonly platform: Platform;
  readonly buildPlatform: Platform;
  readonly sources: readonly Source[];
}

/** The part of a build's options that decides the plan for one platform. */
export function planOptionsOf(options: BuildOptions, surroundings: PlanSurroundings): PlanOptions {
  return {
    target: options.target,
    platform: surroundings.platform,
    isPlatformExplicit: (options.platforms?.length ?? 0) > 0,
    buildPlatform: surroundings.buildPlatform,
    ...((options.platforms?.length ?? 0) > 1 && { isOneOfSeveral: true }),
    buildArgs: buildArgsOf(options),
    contexts: contextsOf(options.buildContexts ?? {}),
    labels: options.labels ?? {},
    unsetLabels: options.unsetLabels ?? [],
    env: options.env ?? {},
    unsetEnv: options.unsetEnv ?? [],
    allow: new Set(options.allow?.filter((name) => name === 'network.host' || name === 'security.insecure')),
    network: options.network ?? 'default',
    noCache: options.noCache ?? false,
    from: options.from,
    sourceDateEpoch: options.sourceDateEpoch,
    sources: surroundings.sources,
  };
}

const entitlements: readonly Entitlement[] = ['network.host', 'security.insecure'];

/** The same for who inspects the file and runs nothing, so that nothing has to be allowed. */
export function inspectionOptionsOf(options: BuildOptions, surroundings: PlanSurroundings): PlanOptions {
  return { ...planOptionsOf(options, surroundings), allow: new Set(entitlements) };
}

/** The build arguments that have a value, those without one taken from the environment. */
export function buildArgsOf({ buildArgs = {}, environment = {} }: BuildOptions): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  for (const [name, value] of Object.entries(buildArgs)) {
    const given = value ?? ownValue(environment, name);
    if (given !== undefined) known.set(name, given);
  }
  return known;
}

/** The build arguments that should come from the environment, which does not have them. */
export function missingBuildArgs({ buildArgs = {}, environment = {} }: BuildOptions): readonly string[] {
  return Object.keys(buildArgs).filter((name) => (ownValue(buildArgs, name) ?? ownValue(environment, name)) === undefined);
}

function contextsOf(contexts: Readonly<Record<string, string>>): ReadonlyMap<string, ContextKind> {
  return new Map(Object.entries(contexts).map(([name, location]) => [name, kindOf(location)]));
}

function kindOf(text: string): ContextKind {
  const location = parseContextLocation(text);
  if (location.kind === 'image' && location.reference === 'scratch') return 'scratch';
  return isImageLocation(location) ? 'image' : 'tree';
}
