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

/**
 * The ports of proxies that run on this machine, where the proxies that a RUN is given are: by the loopback's address, or by one of `ownAddresses`,
 * which another network has for itself. (curl(1) has the ports that an address does not say.)
 */
export function proxyPorts(options: ProxyOptions, ownAddresses: ReadonlySet<string>): readonly number[] {
  const values = proxyArgs
    .filter((name) => name !== 'NO_PROXY')
    .flatMap((name) => argumentOf(name, options) ?? inheritedOf(name, options) ?? []);
  const ports = values.flatMap((value) => {
    const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
    const [, scheme = '', authority = ''] = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/]*@)?([^/?#]*)/i.exec(text) ?? [];
    const [, host = '', port] = /^(.*?)(?::(\d{1,5}))?$/.exec(authority) ?? [];
    const name = host.replace(/^\[|\]$/g, '').toLowerCase();
    const isHere = name === 'localhost' || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name) || ownAddresses.has(name);
    const number = port === undefined ? (scheme.toLowerCase() === 'https' ? 443 : 1080) : Number(port);
    return isHere && number > 0 && number < 65_536 ? [number] : [];
  });
  return [...new Set(ports)];
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
