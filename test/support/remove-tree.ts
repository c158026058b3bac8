import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

/**
 * Removes a folder that a build has worked in. overlayfs makes folders that even their owner may not enter, and files of subordinate ids can
 * only be removed by root, of the machine or of a namespace that has them. What stays is a warning.
 */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
    return;
  } catch {
    // One of these can.
  }
  const attempts = [
    ['sh', '-c', 'chmod -R u+rwx "$1"; rm -rf -- "$1"', 'sh', path],
    ['unshare', '--user', '--map-auto', '--map-root-user', 'rm', '-rf', '--', path],
  ];
  const isGone = attempts.some(([program = '', ...args]) => spawnSync(program, args).status === 0);
  if (!isGone) process.emitWarning(`Cannot remove ${path}`);
}
