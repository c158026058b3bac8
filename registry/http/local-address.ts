import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';

/**
 * What an address must not be when somebody else named it: this machine, what only its own link reaches (RFC 6890), or where clouds answer with their
 * metadata besides that: AWS and Google by version 6, Alibaba.
 */
const ranges = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
  ['100.100.100.200', 32],
] as const;

const localAddresses = new BlockList();
for (const [network, bits] of ranges) localAddresses.addSubnet(network, bits, isIPv6(network) ? 'ipv6' : 'ipv4');

/**
 * True for names and addresses of this machine, and for link-local ones, where clouds have their metadata. `host` is a URL's host name,
 * without port.
 */
export function isLocalHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return isLocalhostName(name) || isLocalAddress(name);
}

/** Resolves names as the system does, except that names below `localhost` are this machine, whatever a resolver says. (RFC 6761, 6.3) */
export const lookupName: LookupFunction = (hostname, options, done) => {
  if (!isLocalhostName(hostname.toLowerCase()) || hostname.toLowerCase() === 'localhost') systemLookup(hostname, options, done);
  else if (options.all === true) done(null, [...loopbackAddresses]);
  else done(null, '127.0.0.1', 4);
};

/** Thrown in place of a connection to this machine. */
export class LocalAddressError extends Error {
  override readonly name = 'LocalAddressError';
}

/**
 * A lookup for hosts that a reply of `namer` named: names that lead to this machine fail with LocalAddressError, unless `namer` itself is here.
 * What is looked up is what is connected to, so a resolver cannot answer otherwise the second time.
 */
export function guardedLookup(namer: string, lookup: LookupFunction = lookupName): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, options, (error, found, family) => {
      if (error !== null || !hasLocal(found)) return done(error, found, family);
      lookup(namer, { all: true }, (failure, own) =>
        failure === null && hasLocal(own) ? done(null, found, family) : done(new LocalAddressError(), []),
      );
    });
  };
}

/** True when a host is this machine, by its name or by what its name stands for. */
export async function leadsHere(host: string, lookup: LookupFunction = lookupName): Promise<boolean> {
  if (isLocalHost(host)) return true;
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) return false;
  return new Promise((resolve) => {
    lookup(host, { all: true }, (error, found) => resolve(error === null && hasLocal(found)));
  });
}

const loopbackAddresses: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

function isLocalhostName(name: string): boolean {
  return /(^|\.)localhost\.?$/.test(name);
}

/** Addresses of version 4 inside of version 6 are checked as what they are; BlockList does so by itself. */
function isLocalAddress(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && localAddresses.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

function hasLocal(found: string | readonly LookupAddress[]): boolean {
  return typeof found === 'string' ? isLocalAddress(found) : found.some(({ address }) => isLocalAddress(address));
}
