import { UsageError } from '../contract/errors.ts';
import type { BuildOptions } from '../contract/options.ts';
import { epochName } from '../plan/stages/global-scope.ts';
import { checkOptions } from './check-options.ts';
import { type RunSettings, runSettings } from './run-settings.ts';

/** What is text in the options, and read once, here. */
type ReadOptions =
  | 'addHosts'
  | 'dns'
  | 'dnsSearch'
  | 'dnsOptions'
  | 'ulimits'
  | 'shmSizeBytes'
  | 'hostname'
  | 'volumes'
  | 'devices';

/** The options of a build, looked at, with the environment filled in; what they say of RUN is read. */
export interface Settings extends Omit<BuildOptions, ReadOptions> {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly run: RunSettings;
}

/** Looks at all options and reads them, once for a build, whoever gives them. @throws UsageError, which names the option or its flag */
export function normalise(given: BuildOptions): Settings {
  checkOptions(given);
  const options = withEnvironment(given);
  return { ...options, run: runSettings(options) };
}

/**
 * Fills in what the caller's environment says. A SOURCE_DATE_EPOCH that is no number may name something, as a build argument may.
 *
 * @throws UsageError for what must not be left out without a word
 */
function withEnvironment(given: BuildOptions): BuildOptions & Pick<Settings, 'environment'> {
  const environment = given.environment ?? process.env;
  if ((environment[policyName] ?? '') !== '') throw withoutPolicy();
  const epoch = environment[epochName];
  if (given.sourceDateEpoch !== undefined || epoch === undefined || epoch === '') return { ...given, environment };
  if (/^\d{1,12}$/.test(epoch)) return { ...given, environment, sourceDateEpoch: Number(epoch) };
  return { ...given, environment, buildArgs: { [epochName]: epoch, ...given.buildArgs } };
}

const policyName = 'EXPERIMENTAL_BUILDKIT_SOURCE_POLICY';

/** Whoever sets a policy relies on it. */
function withoutPolicy(): UsageError {
  return new UsageError(policyName, `Cannot build under the policy of ${policyName}: policies for sources are not supported`, {
    hint: `Unset ${policyName} to build without it`,
  });
}
