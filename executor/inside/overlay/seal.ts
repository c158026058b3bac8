import { setTimeout as delay } from 'node:timers/promises';
import type { MountedRootfs } from './rootfs.ts';

/**
 * A call that makes something just now holds the tree open too, and descriptors on their way in a socket that nobody has any more are closed a little
 * later than it. (unix(7))
 */
const longestWaitMs = 2000;

/** Seals a tree that is mounted; false when somebody has had a file in it open for writing all the while. */
export async function isSealedSoon(tree: MountedRootfs, signal?: AbortSignal): Promise<boolean> {
  const end = Date.now() + longestWaitMs;
  for (let tries = 0; !tree.seal(); tries++) {
    if (Date.now() > end) return false;
    // Whoever makes one thing after the other is mostly between two.
    await delay(Math.min(tries, 20), undefined, { signal });
  }
  return true;
}
