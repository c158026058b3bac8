import { MS } from '../constants.ts';
import type { TapeEntry } from './tape.ts';

/**
 * Puts a file behind a read-only mount of itself, where it is: whoever gets at it through a process that runs it (/proc/PID/exe) can change neither
 * its bytes nor its mode, owner, times or attributes, even as its owner. To be played in a mount namespace of one's own. A bind and a remount
 * work on every kernel, and flags of the mount below that a namespace may not clear stay. (mount(2), mount_namespaces(7))
 */
export function readOnlyFile(path: string, what: string = path): readonly TapeEntry[] {
  const flags = MS.BIND | MS.REMOUNT | MS.RDONLY | MS.NOSUID | MS.NODEV;
  return [
    { syscall: 'mount', args: [path, path, 0, MS.BIND, 0], what },
    { syscall: 'mount', args: [0, path, 0, flags, 0], what },
  ];
}
