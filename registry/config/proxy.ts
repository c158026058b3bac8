import { BlockList, isIP, isIPv6 } from 'node:net';
import { isLoopback } from '../address/loopback.ts';
import { parseUrl } from '../address/url.ts';
import { RegistryError } from '../errors/registry-error.ts';

/** The variables of the caller's environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy to use for a URL, from `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`; lower case wins over upper case. Loopback hosts
 * are always spoken to directly.
 *
 * @throws RegistryError `configuration` for a proxy that is not a URL
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  if (isLoopback(url.hostname)) return undefined;
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const text = variable(environment, name) ?? variable(environment, 'all_proxy');
  if (text === undefined || isExempt(url, variable(environment, 'no_proxy') ?? '')) return undefined;
  return parseProxy(text, name);
}

function variable(environment: Environment, name: string): string | undefined {
  // An empty lower-case variable switches the proxy off, whatever the upper-case one says.
  const value = environment[name] ?? environment[name.toUpperCase()];
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}

function parseProxy(text: string, name: string): URL {
  const url = parseUrl(text.includes('://') ? text : `http://${text}`);
  if (url !== undefined && /^(https?|socks5h?|socks):$/.test(url.protocol) && url.hostname !== '') return url;
  // The value itself may hold a password, so it is not shown.
  throw new RegistryError('configuration', `Cannot use the proxy in ${name}: it is not a http, https or socks5 URL`, {
    side: 'client',
    hint: `Set ${name} to something like http://proxy.example:3128`,
  });
}

/**
 * True when `no_proxy` names the host: a name (with its subdomains), `.name`, `*.name`, an address, a CIDR range, each with an optional port, or `*`.
 *
 * Exported for tests.
 */
export function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entry === '*' || matches(entry.toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry.includes('/')) return isInRange(entry, host);
  const [name, wantedPort] = splitPort(entry);
  if (wantedPort !== undefined && wantedPort !== port) return false;
  if (isIP(name) !== 0) return name === host;
  if (name.startsWith('.') || name.startsWith('*.')) return host.endsWith(name.replace(/^\*/, ''));
  return host === name || host.endsWith(`.${name}`);
}

function splitPort(entry: string): readonly [string, string | undefined] {
  if (isIPv6(entry)) return [entry, undefined];
  const parts = /^\[?(.+?)\]?(?::(\d+))?$/.exec(entry);
  return [parts?.[1] ?? entry, parts?.[2]];
}

function isInRange(range: string, host: string): boolean {
  const family = isIP(host);
  const [network = '', prefix = ''] = range.split('/');
  const bits = Number(prefix);
  const isRange = isIP(network) !== 0 && /^\d+$/.test(prefix) && bits <= (isIP(network) === 6 ? 128 : 32);
  if (family === 0 || !isRange || isIP(network) !== family) return false;
  const type = family === 6 ? 'ipv6' : 'ipv4';
  const block = new BlockList();
  block.addSubnet(network, bits, type);
  return block.check(host, type);
}
