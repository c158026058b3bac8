import { formatPlatform, type Platform } from '../../registry/oci/platform.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { UsageError } from '../contract/errors.ts';
import { defaultLayout, type LayoutNumber } from '../contract/layouts.ts';
import type { BuildOptions, ImageOutputOptions, Output } from '../contract/options.ts';
import { hostPlatform, platformOf } from '../contract/platforms.ts';
import { type Annotation, parseAnnotations } from './annotations.ts';
import { epochName, isArgumentOn } from './build-arguments.ts';
import { checkOptions } from './check-options.ts';
import { type ContainerfileLocation, parseContainerfileLocation } from './containerfile-location.ts';
import { type ContextLocation, parseContextLocation } from './context-location.ts';
import { type RunSettings, runSettings } from './run-settings.ts';

/** What is text in the options, and read once, here. */
type ReadOptions =
  | 'context'
  | 'buildContexts'
  | 'files'
  | 'platforms'
  | 'annotations'
  | 'outputs'
  | 'allow'
  | 'addHosts'
  | 'dns'
  | 'dnsSearch'
  | 'dnsOptions'
  | 'addCapabilities'
  | 'dropCapabilities'
  | 'addGroups'
  | 'securityOptions'
  | 'isolation'
  | 'ulimits'
  | 'limits'
  | 'cgroupParent'
  | 'shmSizeBytes'
  | 'hostname'
  | 'volumes'
  | 'devices';

/** The options of a build, looked at, with the environment filled in; what is text in them is read. */
export interface Settings extends Omit<BuildOptions, ReadOptions> {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly context: ContextLocation;
  /** The context as it was written: what it is called, and remembered by. */
  readonly contextName: string;
  /** `--build-context`. */
  readonly namedContexts: ReadonlyMap<string, ContextLocation>;
  /** Containerfiles, read as one; none: it is looked for in the context. */
  readonly files: readonly ContainerfileLocation[];
  /** The platforms to build for, each once. */
  readonly platforms: readonly Platform[];
  /** True when they were asked for. */
  readonly isPlatformExplicit: boolean;
  /** True when the image is an index and files have a folder for each platform: for several platforms, or by BUILDKIT_MULTI_PLATFORM. */
  readonly isMultiPlatform: boolean;
  /** BUILDKIT_CONTEXT_KEEP_GIT_DIR. */
  readonly keepsGitFolder: boolean;
  readonly annotations: readonly Annotation[];
  /** Which rules make digests. */
  readonly layout: LayoutNumber;
  /** What is written: what was asked for, else an image in the store. */
  readonly outputs: readonly OutputSettings[];
  readonly run: RunSettings;
}

/** An output, its annotations read. */
export type OutputSettings = WithoutTexts<Output>;

type WithoutTexts<Given> = Given extends { readonly image?: ImageOutputOptions }
  ? Omit<Given, 'image'> & { readonly image: ImageOutputSettings }
  : Given;

/** How an image leaves, its annotations read. */
export type ImageOutputSettings = Omit<ImageOutputOptions, 'annotations'> & { readonly annotations: readonly Annotation[] };

/** Looks at all options and reads them, once for a build, whoever gives them. @throws UsageError, which names the option or its flag */
export function normalise(given: BuildOptions): Settings {
  checkOptions(given);
  const options = withEnvironment(given);
  const platforms = platformsOf(options);
  return {
    ...options,
    context: parseContextLocation(options.context),
    contextName: options.context,
    namedContexts: new Map(Object.entries(options.buildContexts ?? {}).map(([name, text]) => [name, parseContextLocation(text)])),
    files: (options.files ?? []).map(parseContainerfileLocation),
    platforms,
    isPlatformExplicit: (options.platforms ?? []).length > 0,
    isMultiPlatform: platforms.length > 1 || isArgumentOn(options, 'BUILDKIT_MULTI_PLATFORM'),
    keepsGitFolder: isArgumentOn(options, 'BUILDKIT_CONTEXT_KEEP_GIT_DIR'),
    annotations: parseAnnotations(options.annotations ?? {}, '--annotation'),
    layout: options.layout ?? defaultLayout,
    outputs: outputsOf(options).map(outputSettings),
    run: runSettings(options),
  };
}

/**
 * The same with the time that the caller's environment asks for, which is about a build and says nothing of a file that is only looked at. A
 * SOURCE_DATE_EPOCH that is no number may name something, as a build argument may.
 */
export function withEnvironmentEpoch(settings: Settings): Settings {
  const epoch = settings.environment[epochName];
  if (settings.sourceDateEpoch !== undefined || epoch === undefined || epoch === '') return settings;
  if (/^\d{1,12}$/.test(epoch)) return { ...settings, sourceDateEpoch: Number(epoch) };
  return { ...settings, buildArgs: { [epochName]: epoch, ...settings.buildArgs } };
}

function platformsOf({ platforms = [] }: BuildOptions): readonly Platform[] {
  if (platforms.length === 0) return [hostPlatform()];
  const byName = new Map(platforms.map((text) => platformOf(text)).map((platform) => [formatPlatform(platform), platform]));
  return [...byName.values()];
}

function outputsOf({ outputs, tags = [] }: BuildOptions): readonly Output[] {
  return outputs ?? [{ kind: 'image', names: tags, push: false }];
}

function outputSettings(output: Output): OutputSettings {
  switch (output.kind) {
    case 'oci':
    case 'docker':
    case 'registry':
    case 'image':
      return { ...output, image: imageSettings(output.image ?? {}) };
    case 'local':
    case 'tar':
    case 'none':
      return output;
    default:
      return unreachable(output);
  }
}

function imageSettings({ annotations = {}, ...others }: ImageOutputOptions): ImageOutputSettings {
  return { ...others, annotations: parseAnnotations(annotations, '--output') };
}

/** @throws UsageError for what must not be left out without a word */
function withEnvironment(given: BuildOptions): BuildOptions & Pick<Settings, 'environment'> {
  const environment = given.environment ?? process.env;
  if ((environment[policyName] ?? '') !== '') throw withoutPolicy();
  return { ...given, environment };
}

const policyName = 'EXPERIMENTAL_BUILDKIT_SOURCE_POLICY';

/** Whoever sets a policy relies on it. */
function withoutPolicy(): UsageError {
  return new UsageError(policyName, `Cannot build under the policy of ${policyName}: policies for sources are not supported`, {
    hint: `Unset ${policyName} to build without it`,
  });
}
