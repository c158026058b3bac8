import type { RunAction } from '../../executor/protocol/actions.ts';
import { proxyArgs } from '../../parser/words/predefined.ts';
import type { Settings } from '../settings/settings.ts';

/** Where proxies are named. */
type ProxyOptions = Pick<Settings, 'buildArgs' | 'environment'>;

interface ProxyUser {
  /** The command's variables: what the image or the Containerfile sets itself is left alone. */
  readonly present: readonly string[];
  readonly network: RunAction['network'];
}

/**
 * The proxy variables for a RUN: those of `--build-arg`, else those of the caller's environment, since RUN shares the caller's network. From there
 * they come without a user and password: nobody has said that a command may have them, and what it writes down is in the layer, for
 * other builds too.
 */
export function proxyEnv(options: ProxyOptions, { present, network }: ProxyUser): readonly string[] {
  const taken = new Set(present.map((entry) => entry.slice(0, entry.indexOf('='))));
  return proxyArgs.flatMap((name) => {
    const value = argumentOf(name, options) ?? (network === 'none' ? undefined : inheritedOf(name, options));
    if (value === undefined) return [];
    return [name, name.toLowerCase()].filter((spelling) => !taken.has(spelling)).map((spelling) => `${spelling}=${value}`);
  });
}

function argumentOf(name: string, { buildArgs = {} }: ProxyOptions): string | undefined {
  return buildArgs[name] ?? buildArgs[name.toLowerCase()];
}

function inheritedOf(name: string, { environment }: ProxyOptions): string | undefined {
  const value = environment[name] ?? environment[name.toLowerCase()];
  return name === 'NO_PROXY' ? value : value === undefined ? undefined : withoutUser(value);
}

/** Up to the last `@`, as curl reads it: a password may hold one, the address of a proxy does not. */
function withoutUser(address: string): string {
  const end = address.lastIndexOf('@');
  if (end === -1) return address;
  const [scheme = ''] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(address) ?? [];
  return scheme + address.slice(end + 1);
}
