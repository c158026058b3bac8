import { isLoopback } from './loopback.ts';

/** True when what is spoken over TLS would go on in plain text, on a wire that others can read. */
export function isDowngrade(from: URL, to: URL): boolean {
  return from.protocol === 'https:' && to.protocol === 'http:' && !isLoopback(to.hostname);
}
