import { readdirSync } from 'node:fs';
import { CLOSE_RANGE_CLOEXEC, F_SETFD, FD_CLOEXEC, PR } from '../constants.ts';
import type { TapeArgument, TapeEntry } from './tape.ts';

/** What a new process has to undo or wait for before the caller's entries are played. */
export interface PreambleOptions {
  /** The signal mask to restore, as rt_sigprocmask() gave it. */
  readonly signalMask: Uint8Array;
  /** The two connected sockets that hold the child until the parent lets it go; it has both at first. */
  readonly gate: { readonly childFd: number; readonly parentFd: number };
  readonly survivesParent: boolean;
}

/** The entries that every tape starts with. Pure, apart from looking which descriptors are open. */
export function preamble(options: PreambleOptions): TapeEntry[] {
  const death: TapeEntry = { syscall: 'prctl', args: [PR.SET_PDEATHSIG, SIGKILL], what: 'parent death signal' };
  return [
    ...(options.survivesParent ? [] : [death]),
    // A parent that died before the line above has left nobody at the other end, and then there is nothing to read.
    { syscall: 'close', args: [options.gate.parentFd], what: 'gate' },
    { syscall: 'read', args: [options.gate.childFd, new Uint8Array(8), 1], what: 'gate', atLeast: 1 },
    ...defaultSignalActions,
    { syscall: 'rt_sigprocmask', args: [SIG_SETMASK, options.signalMask, 0, 8], what: 'signal mask' },
    closeOnExec(),
    // Node marks its own standard streams at its start.
    ...[0, 1, 2].map((fd): TapeEntry => ({ syscall: 'fcntl', args: [fd, F_SETFD, 0], what: `descriptor ${fd}`, mayFail: true })),
  ];
}

/** The same tape behind a preamble of `count` entries: its result references are moved, and the gate is a number. */
export function behindPreamble(tape: readonly TapeEntry[], { count, gateFd }: { count: number; gateFd: number }): TapeEntry[] {
  const place = (argument: TapeArgument): TapeArgument => {
    if (typeof argument !== 'object' || !('kind' in argument)) return argument;
    if (argument.kind === 'gate') return gateFd;
    return argument.kind === 'result' ? { kind: 'result', entry: argument.entry + count } : argument;
  };
  return tape.map((entry) => ({ ...entry, args: entry.args.map(place) }));
}

const SIGKILL = 9;
const SIGSTOP = 19;
const SIG_SETMASK = 2;
const defaultAction = new Uint8Array(32);

/**
 * Every signal back to its default. Node's handlers would run on the child's small stack in memory that it shares with the parent,
 * and what Node ignores (SIGPIPE) would stay ignored after execve().
 */
const defaultSignalActions: readonly TapeEntry[] = Array.from({ length: 64 }, (_, index) => index + 1)
  .filter((signal) => signal !== SIGKILL && signal !== SIGSTOP)
  .map((signal) => ({ syscall: 'rt_sigaction', args: [signal, defaultAction, 0, 8], what: `signal ${signal}` }));

/** Marks all but the standard streams. Kernels before 5.11 and some filters lack the call: then one by one. */
function closeOnExec(): TapeEntry {
  return {
    syscall: 'close_range',
    args: [3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC],
    what: 'descriptors',
    otherwise: openDescriptors().map((fd) => ({ syscall: 'fcntl', args: [fd, F_SETFD, FD_CLOEXEC], mayFail: true })),
  };
}

function openDescriptors(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > 2);
}
