import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { hasErrno } from '../../../registry/oci/thrown.ts';

/** The text of this machine's /etc/resolv.conf; none when it is not there. */
export function resolverOfThisMachine(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  }
}

/** The addresses in the lines of a resolv.conf. (resolv.conf(5)) */
export function nameServersIn(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [keyword, address = ''] = line.trim().split(/\s+/);
    return keyword === 'nameserver' && isIP(address) !== 0 ? [address] : [];
  });
}

/** True for an address that another network namespace has for itself: loopback, or one of this machine's. */
export function isOfThisMachine(address: string, ownAddresses: ReadonlySet<string>): boolean {
  const family = isIP(address.replace(/%.*/, ''));
  return (
    ownAddresses.has(address) || (family !== 0 && loopback.check(address.replace(/%.*/, ''), family === 6 ? 'ipv6' : 'ipv4'))
  );
}

/** The addresses of this machine's network, as its programs see it. */
export function addressesOfThisMachine(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((list = []) => list.map(({ address }) => address)));
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');
