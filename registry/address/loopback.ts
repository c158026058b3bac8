import { isIPv4 } from 'node:net';

/** True for `localhost`, names below it, 127.0.0.0/8 and ::1. `host` is a URL's host name, without port. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || (isIPv4(name) && name.startsWith('127.'));
}
