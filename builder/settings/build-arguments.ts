import { ownValue } from '../../registry/oci/own-value.ts';
import { goBoolean } from '../../registry/oci/text/go-boolean.ts';
import type { BuildOptions } from '../contract/options.ts';

/** The name under which a time is asked for. (reproducible-builds.org, SOURCE_DATE_EPOCH) */
export const epochName = 'SOURCE_DATE_EPOCH';

type Arguments = Pick<BuildOptions, 'buildArgs' | 'environment'>;

/** The build arguments that have a value, those without one taken from the environment. */
export function buildArgsOf({ buildArgs = {}, environment = {} }: Arguments): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  for (const [name, value] of Object.entries(buildArgs)) {
    const given = value ?? ownValue(environment, name);
    if (given !== undefined) known.set(name, given);
  }
  return known;
}

/** The build arguments that should come from the environment, which does not have them. */
export function missingBuildArgs({ buildArgs = {}, environment = {} }: Arguments): readonly string[] {
  return Object.keys(buildArgs).filter((name) => (ownValue(buildArgs, name) ?? ownValue(environment, name)) === undefined);
}

/** True for an argument that is a switch, and on: read as Go's strconv.ParseBool does, which BuildKit uses; anything else is off. */
export function isArgumentOn(options: Arguments, name: string): boolean {
  const text = buildArgsOf(options).get(name);
  return text !== undefined && goBoolean(text.toLowerCase()) === true;
}
