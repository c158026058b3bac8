import type { Source } from '../../../parser/syntax/span.ts';
import type { Platform } from '../../../registry/oci/platform.ts';
import { buildArgsOf } from '../../settings/build-arguments.ts';
import { type ContextLocation, isImageLocation } from '../../settings/context-location.ts';
import type { Entitlement } from '../../settings/run-settings.ts';
import type { Settings } from '../../settings/settings.ts';

/** What stands behind a `--build-context` name, as far as planning must know. */
export type ContextKind = 'image' | 'tree' | 'scratch';

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
export function planOptionsOf(options: Settings, surroundings: PlanSurroundings): PlanOptions {
  return {
    target: options.target,
    platform: surroundings.platform,
    isPlatformExplicit: options.isPlatformExplicit,
    buildPlatform: surroundings.buildPlatform,
    ...(options.platforms.length > 1 && { isOneOfSeveral: true }),
    buildArgs: buildArgsOf(options),
    contexts: new Map([...options.namedContexts].map(([name, location]) => [name, kindOf(location)])),
    labels: options.labels ?? {},
    unsetLabels: options.unsetLabels ?? [],
    env: options.env ?? {},
    unsetEnv: options.unsetEnv ?? [],
    allow: options.run.entitlements,
    network: plannedNetwork(options),
    noCache: options.noCache ?? false,
    from: options.from,
    sourceDateEpoch: options.sourceDateEpoch,
    sources: surroundings.sources,
  };
}

/** Which program carries the packets is no part of what a RUN asks for. */
function plannedNetwork({ network = 'default' }: Settings): PlanOptions['network'] {
  return network === 'pasta' || network === 'slirp4netns' ? 'default' : network;
}

const entitlements: readonly Entitlement[] = ['network.host', 'security.insecure'];

/** The same for who inspects the file and runs nothing, so that nothing has to be allowed. */
export function inspectionOptionsOf(options: Settings, surroundings: PlanSurroundings): PlanOptions {
  return { ...planOptionsOf(options, surroundings), allow: new Set(entitlements) };
}

function kindOf(location: ContextLocation): ContextKind {
  if (location.kind === 'image' && location.reference === 'scratch') return 'scratch';
  return isImageLocation(location) ? 'image' : 'tree';
}
