import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';

/**
 * What an address must not be when somebody else named it: this machine, what only its own link reaches (RFC 6890), or where clouds answer with their
 * metadata besides that: AWS and Google by version 6, Alibaba, Oracle, Azure.
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
  ['192.0.0.192', 32],
  ['168.63.129.16', 32],
] as const;

const localAddresses = new BlockList();
for (const [network, bits] of ranges) localAddresses.addSubnet(network, bits, isIPv6(network) ? 'ipv6' : 'ipv4');

/**
 * Addresses of version 6 that gateways and kernels turn into those of version 4 in them, and at which of their eight parts that begins: compatible
 * (RFC 4291, 2.5.5.1), translated (RFC 2765), NAT64 (RFC 6052, and the local one of RFC 8215), 6to4 (RFC 3056). BlockList knows mapped ones by itself.
 */
const embeddings = [
  ['::', 96, 6],
  ['::ffff:0:0:0', 96, 6],
  ['64:ff9b::', 96, 6],
  ['64:ff9b:1::', 48, 6],
  ['2002::', 16, 1],
] as const;

const embedding = embeddings.map(([network, bits, part]) => {
  const range = new BlockList();
  range.addSubnet(network, bits, 'ipv6');
  return { range, part };
});

/**
 * True for names and addresses of this machine, and for link-local ones, where clouds have their metadata. `host` is a URL's host name,
 * without port.
 */
export function isLocalHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return isLocalhostName(name) || isLocalAddress(name);
}

/**
 * Resolves names as the system does, except that names below `localhost` are this machine, whatever a resolver says. (RFC 6761, 6.3)
 *
 * Exported for tests.
 */
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
 * Looks names up, and knows which of them have been elsewhere: these are not taken for names of this machine later on, or because they stand
 * for it as well. Whoever owns a name says what it stands for, at any time.
 */
export class KnownNames {
  readonly #lookup: LookupFunction;
  readonly #elsewhere = new Set<string>();

  constructor(lookup: LookupFunction = lookupName) {
    this.#lookup = lookup;
  }

  /** For what the user named. */
  readonly lookup: LookupFunction = (hostname, options, done) =>
    this.#lookup(hostname, options, (error, found, family) => {
      if (error === null && !isAllLocal(found)) this.noteElsewhere(hostname);
      done(error, found, family);
    });

  /** Notes what leads elsewhere without a lookup, as by a proxy. */
  noteElsewhere(hostname: string): void {
    this.#elsewhere.add(hostname);
  }

  /**
   * For what a reply of `namer` named: names that lead to this machine fail with LocalAddressError, unless `namer` itself is here. What is
   * looked up is what is connected to, so a resolver cannot answer otherwise the second time.
   */
  guarded(namer: string): LookupFunction {
    return (hostname, options, done) => {
      this.lookup(hostname, options, (error, found, family) => {
        if (error !== null || !hasLocal(found)) return done(error, found, family);
        this.#askWhetherHere(namer, (isHere) => (isHere ? done(null, found, family) : done(new LocalAddressError(), [])));
      });
    };
  }

  /** True when a host is this machine and nothing else, by its name or by what its name stands for. */
  leadsHere(host: string): Promise<boolean> {
    return new Promise((resolve) => this.#askWhetherHere(host, resolve));
  }

  #askWhetherHere(host: string, answer: (isHere: boolean) => void): void {
    if (isLocalHost(host)) answer(true);
    else if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) answer(false);
    else this.lookup(host, { all: true }, (error) => answer(error === null && !this.#elsewhere.has(host)));
  }
}

const loopbackAddresses: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

function isLocalhostName(name: string): boolean {
  return /(^|\.)localhost\.?$/.test(name);
}

/** Addresses of version 4 inside of version 6 are checked as what they are. */
function isLocalAddress(address: string): boolean {
  const version = isIP(address);
  if (version !== 6) return version === 4 && localAddresses.check(address, 'ipv4');
  if (localAddresses.check(address, 'ipv6')) return true;
  return embedding.some(
    ({ range, part }) => range.check(address, 'ipv6') && localAddresses.check(embedded(address, part), 'ipv4'),
  );
}

/** The address of version 4 in one of version 6. */
function embedded(address: string, part: number): string {
  // A URL writes it with hexadecimal digits alone.
  const [head = '', tail = ''] = new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1).split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === '' ? [] : tail.split(':');
  const parts = [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
  const bytes = parts.slice(part, part + 2).flatMap((text) => [Number.parseInt(text, 16) >> 8, Number.parseInt(text, 16) & 255]);
  return bytes.join('.');
}

function isAllLocal(found: string | readonly LookupAddress[]): boolean {
  return typeof found === 'string'
    ? isLocalAddress(found)
    : found.length > 0 && found.every(({ address }) => isLocalAddress(address));
}

function hasLocal(found: string | readonly LookupAddress[]): boolean {
  return typeof found === 'string' ? isLocalAddress(found) : found.some(({ address }) => isLocalAddress(address));
}
