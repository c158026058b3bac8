import { readdirSync } from 'node:fs';
import { O_CLOEXEC } from '../constants.ts';
import { systemCallResult } from '../libc.ts';
import type { TapeEntry } from './tape.ts';

/** The gate once the others are closed, and the number that the next descriptor gets: always the lowest that is free. (open(2)) */
const gateFd = 3;
export const firstFreeDescriptor = 4;

/**
 * Closes every descriptor but 0, 1, 2 and the gate, a socket, which becomes 3. To be played before anything is resolved that an image has named
 * (a working directory, a program, its interpreter): through /proc/self/fd an open folder leads to where it is, whatever the root is, and
 * close-on-exec comes too late for that. (proc_pid_fd(5), pivot_root(2))
 */
export function closeDescriptors(hasCloseRange: boolean = canCloseRange()): readonly TapeEntry[] {
  const gate: TapeEntry = { syscall: 'dup3', args: [{ kind: 'gate' }, gateFd, O_CLOEXEC], what: 'gate' };
  const range: TapeEntry = { syscall: 'close_range', args: [firstFreeDescriptor, 0xffff_ffff, 0], what: 'descriptors' };
  return [gate, ...(hasCloseRange ? [range] : closeOneByOne())];
}

const closeRange = systemCallResult('close_range', 'uint', 'uint', 'uint');
let answer: boolean | undefined;

/** Kernels before 5.9 lack the call, and filters may refuse it. The range that is asked for is empty. */
function canCloseRange(): boolean {
  answer ??= closeRange(0xffff_ffff, 0xffff_ffff, 0) === 0;
  return answer;
}

/** Our threads may open some more before the process is cloned; each gets the lowest free number, so they end close behind the last. */
const headroom = 256;

function closeOneByOne(): TapeEntry[] {
  const last = Math.max(...readdirSync('/proc/self/fd').map(Number));
  const count = last + headroom - firstFreeDescriptor;
  return Array.from({ length: count }, (_, index) => ({ syscall: 'close', args: [firstFreeDescriptor + index], mayFail: true }));
}
