import { parseUrl } from './url.ts';

/**
 * A host with an optional port in the one form in which hosts are compared: lower case, addresses as the network means them (`127.1` is
 * 127.0.0.1), no dot at the end, ports without zeros in front, `docker.io` for all that Docker Hub is called. Text that is no host comes back
 * in lower case. (URL Standard, "host parsing")
 */
export function canonicalHost(text: string): string {
  const { name, port } = splitPort(text);
  // Anything else could be a user, a path or a query to the URL.
  const url = /^[\w.[\]:-]+$/.test(name) ? parseUrl(`https://${name}/`) : undefined;
  const host = (url === undefined || url.port !== '' ? name.toLowerCase() : plainAddress(url.hostname)).replace(/\.$/, '');
  if (port !== undefined) return `${host}:${Number(port)}`;
  return hubHosts.includes(host) ? 'docker.io' : host;
}

const hubHosts: readonly string[] = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** The canonical form for what is said of a host: the port of https makes no other host. */
export function comparedHost(text: string): string {
  return canonicalHost(text).replace(/:443$/, '');
}

/** `host[:port]` with a path or without, its host in the given form. */
export function withHost(name: string, form: (host: string) => string): string {
  const slash = name.indexOf('/');
  return slash < 0 ? form(name) : `${form(name.slice(0, slash))}${name.slice(slash)}`;
}

/** An address of version 4 that is written as one of version 6. (RFC 4291, 2.5.5.2) */
function plainAddress(host: string): string {
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(host) ?? [];
  if (high === undefined || low === undefined) return host;
  return [high, low].flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 0xff]).join('.');
}

function splitPort(text: string): { readonly name: string; readonly port: string | undefined } {
  const parts = /^(\[.*\]|[^:]*):(\d+)$/.exec(text);
  return { name: parts?.[1] ?? text, port: parts?.[2] };
}
