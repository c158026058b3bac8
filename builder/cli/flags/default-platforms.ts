import { UsageError } from '../../contract/errors.ts';
import { platformOf } from '../../contract/platforms.ts';

const variable = 'DOCKER_DEFAULT_PLATFORM';

/**
 * The platforms that are meant when no flag says which, as for docker: those of DOCKER_DEFAULT_PLATFORM. Empty for this machine's.
 *
 * @throws UsageError for one that cannot be read
 */
export function defaultPlatforms(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const names = (environment[variable] ?? '').split(',').map((name) => name.trim());
  const platforms = names.filter((name) => name !== '');
  for (const name of platforms) platformOf(name, variable);
  return platforms;
}

/** The one platform that is meant when no flag says which, of commands that take one image of several. @throws UsageError */
export function defaultPlatform(environment: Readonly<Record<string, string | undefined>>): string {
  const [platform = 'local', ...others] = defaultPlatforms(environment);
  if (others.length === 0) return platform;
  throw new UsageError(variable, `Cannot take one image of several: ${variable} names more than one platform`, {
    hint: 'Say which with --platform, or take --all',
  });
}
