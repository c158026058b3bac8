import { AT_FDCWD, F_DUPFD_CLOEXEC, NAMESPACE_FLAGS, O_RDONLY, PR } from '../constants.ts';
import { close, fcntl, openat, write } from '../files.ts';
import { addressOf, lastErrno, libraryFunction, systemCall, watchReadable } from '../libc.ts';
import { executable } from '../machine-code/executable.ts';
import {
  type ExitStatus,
  pidfdSendSignal,
  prctl,
  type ResourceUsage,
  type SignalName,
  socketpair,
  waitForExit,
} from '../processes.ts';
import { isSyscallError, SyscallError } from '../syscall-error.ts';
import { currentArchitecture } from '../syscall-numbers.ts';
import { type AssembledTape, assembleTape, currentEntry, relocate, TAPE_LAYOUT, unfinished } from './assemble.ts';
import { playerCode } from './player.ts';
import { behindPreamble, preamble } from './preamble.ts';
import type { TapeEntry } from './tape.ts';

export type Namespace = keyof typeof NAMESPACE_FLAGS;

export interface StartOptions {
  readonly namespaces: readonly Namespace[];
  /** Called with the child waiting at the gate, before its first entry: the place to write its id maps. */
  readonly onCloned?: ((pid: number) => void | Promise<void>) | undefined;
  /** Leave out the parent death signal. (A change of ids on the tape clears it: set it again after one.) */
  readonly survivesParent?: boolean;
}

/** A process that a tape became. */
export interface TapeProcess {
  readonly pid: number;
  /** Open until the process has been waited for. */
  readonly pidfd: number;
  readonly exited: Promise<ExitStatus>;
  /** There when it has ended. */
  readonly usage: ResourceUsage | undefined;
  /** Sends a signal; false when the process is gone. */
  signal(name: SignalName): boolean;
}

/**
 * Starts a process that plays a tape, whose last entry is an execve(). Resolves when that has happened; rejects with SyscallError
 * that names the failing entry, with what onCloned threw, or with Error when the child was killed on its way. All signals have their
 * default action in the child, and the mask is the caller's; every descriptor above 2 is close-on-exec unless the tape dup3()s it.
 * To be called on a thread that lives as long as the child should.
 */
export async function startTape(tape: readonly TapeEntry[], options: StartOptions): Promise<TapeProcess> {
  const child = cloneChild(tape, options);
  try {
    await options.onCloned?.(child.process.pid);
    openGate(child);
  } catch (error) {
    child.process.signal('SIGKILL');
    await child.hasLeft;
    await child.process.exited;
    throw failedEntry(child) ?? error;
  }
  await child.hasLeft;
  const failure = failureOf(child);
  if (failure !== undefined) {
    await child.process.exited;
    throw failure;
  }
  return child.process;
}

/**
 * Makes namespaces that no process is in: each lasts as long as somebody has its descriptor or uses it. The descriptors are close-on-exec and in
 * the order of the names. (namespaces(7))
 */
export async function makeNamespaces(options: StartOptions): Promise<readonly number[]> {
  const child = cloneChild([], options);
  const descriptors: number[] = [];
  try {
    await options.onCloned?.(child.process.pid);
    for (const name of options.namespaces) {
      const file = name === 'mount' ? 'mnt' : name;
      descriptors.push(openat(AT_FDCWD, `/proc/${child.process.pid}/ns/${file}`, O_RDONLY));
    }
    return descriptors;
  } catch (error) {
    descriptors.forEach(close);
    throw error;
  } finally {
    child.process.signal('SIGKILL');
    await child.hasLeft;
    await child.process.exited;
  }
}

/** A child between clone() and execve(). */
interface Child {
  readonly process: TapeProcess;
  /** Our end of the gate. */
  readonly gateFd: number;
  /** Settles when the child has left our memory, by execve() or by its death. */
  readonly hasLeft: Promise<void>;
  readonly memory: ChildMemory;
}

/** What the child uses of our memory. It must not be collected before the child has left. */
interface ChildMemory {
  readonly tape: AssembledTape;
  readonly address: bigint;
  readonly bytes: Buffer;
}

/**
 * One pair of sockets is the gate and tells of the exec: the child reads a byte from its end before it goes on, and its end closes
 * when it calls execve() or dies.
 */
function cloneChild(entries: readonly TapeEntry[], options: StartOptions): Child {
  rememberDumpable();
  const [gateFd, childFd] = gateSockets();
  try {
    const { pid, pidfd, memory } = withSignalsBlocked((signalMask) => {
      const start = preamble({
        signalMask,
        gate: { childFd, parentFd: gateFd },
        survivesParent: options.survivesParent === true,
      });
      return clone([...start, ...behindPreamble(entries, { count: start.length, gateFd: childFd })], options.namespaces);
    });
    return { process: tapeProcess(pid, pidfd), gateFd, hasLeft: waitForExec(gateFd, memory), memory };
  } catch (error) {
    close(gateFd);
    throw error;
  } finally {
    close(childFd);
  }
}

/** The child's end has a number above those that tapes choose for themselves. */
function gateSockets(): readonly [ours: number, childs: number] {
  const [ours, childs] = socketpair();
  try {
    return [ours, fcntl(childs, F_DUPFD_CLOEXEC, 10)];
  } finally {
    close(childs);
  }
}

const libc = { clone: undefined as ReturnType<typeof libraryFunction> | undefined };
const maskSignals = systemCall('rt_sigprocmask', 'int', 'pointer', 'pointer', 'ulong');

const SIG_SETMASK = 2;
const CLONE_VM = 0x100;
const CLONE_PIDFD = 0x1000;
const SIGCHLD = 17;
/** glibc's clone() puts two words there; the player needs none. */
const stackBytes = 4096;

function clone(
  entries: readonly TapeEntry[],
  namespaces: readonly Namespace[],
): { pid: number; pidfd: number; memory: ChildMemory } {
  libc.clone ??= libraryFunction('int clone(void *fn, void *stack, int flags, void *arg, void *ptid, void *tls, void *ctid)');
  const memory = layOut(entries);
  const flags = namespaces.reduce((sum, namespace) => sum | NAMESPACE_FLAGS[namespace], CLONE_VM | CLONE_PIDFD | SIGCHLD);
  const pidfd = Buffer.alloc(4);
  const stackTop = (memory.address + BigInt(memory.bytes.length)) & ~0xfn;
  const pid = Number(libc.clone(playerAddress(), stackTop, flags, memory.address, pidfd, null, null));
  if (pid < 0) throw new SyscallError('clone', lastErrno(), namespaces.join(', '));
  return { pid, pidfd: pidfd.readInt32LE(0), memory };
}

/** The tape and, behind it, the stack. */
function layOut(entries: readonly TapeEntry[]): ChildMemory {
  const tape = assembleTape(entries, currentArchitecture());
  const bytes = Buffer.allocUnsafeSlow(tape.bytes.length + stackBytes);
  const address = addressOf(bytes);
  relocate(tape, address, bytes);
  return { tape, address, bytes };
}

let player: bigint | undefined;

function playerAddress(): bigint {
  player ??= executable(playerCode(currentArchitecture()));
  return player;
}

/** Runs `body` with all signals blocked, so that none is handled in the child; gives it the mask that was. */
function withSignalsBlocked<T>(body: (mask: Uint8Array) => T): T {
  const mask = Buffer.alloc(8);
  maskSignals(SIG_SETMASK, Buffer.alloc(8, 0xff), mask, 8);
  try {
    return body(mask);
  } finally {
    maskSignals(SIG_SETMASK, mask, undefined, 8);
  }
}

function tapeProcess(pid: number, pidfd: number): TapeProcess {
  let isGone = false;
  let taken: ResourceUsage | undefined;
  const exited = waitForExit(pidfd, (usage) => {
    taken = usage;
  }).finally(() => {
    isGone = true;
    close(pidfd);
  });
  return {
    pid,
    pidfd,
    exited,
    get usage() {
      return taken;
    },
    signal: (name) => !isGone && pidfdSendSignal(pidfd, name),
  };
}

function openGate({ gateFd, memory }: Child): void {
  if (!childrenInMemory.has(memory)) {
    // The child has died at the gate, and the descriptor is closed; its tape says why.
    return;
  }
  try {
    write(gateFd, Buffer.of(1));
  } catch (error) {
    // As above, but the event loop has not told us yet.
    if (!isSyscallError(error, 'EPIPE')) throw error;
  }
}

function waitForExec(fd: number, memory: ChildMemory): Promise<void> {
  childrenInMemory.add(memory);
  return new Promise((resolve) => {
    const watch = watchReadable(fd, () => {
      watch.close();
      close(fd);
      childrenInMemory.delete(memory);
      restoreDumpable();
      resolve();
    });
  });
}

/** Keeps memory from being collected, and counts. */
const childrenInMemory = new Set<ChildMemory>();

let dumpable = 1;

function rememberDumpable(): void {
  if (childrenInMemory.size === 0) dumpable = prctl(PR.GET_DUMPABLE);
}

/**
 * A child that changes its ids marks the memory it shares with us as not dumpable, and then files in our own /proc folder belong to
 * root: the next child's id maps could not be written. (PR_SET_DUMPABLE in prctl(2))
 */
function restoreDumpable(): void {
  if (dumpable === 1 && prctl(PR.GET_DUMPABLE) !== 1) prctl(PR.SET_DUMPABLE, 1);
}

/** Why the child did not come to its last entry; undefined when it did and that has not failed. */
function failureOf(child: Child): Error | undefined {
  const failed = failedEntry(child);
  const { memory, process } = child;
  const entry = currentEntry(memory.tape, memory.address, memory.bytes);
  if (failed !== undefined || entry?.syscall === 'execve' || entry?.syscall === 'execveat') return failed;
  return new Error(`Process ${process.pid} was killed before it could start, at ${entry?.syscall ?? 'its first call'}`);
}

/** The error of the entry that ended the tape. */
function failedEntry({ memory }: Child): Error | undefined {
  const result = memory.bytes.readBigInt64LE(TAPE_LAYOUT.finalResult);
  if (result === unfinished) return undefined;
  const entry = currentEntry(memory.tape, memory.address, memory.bytes);
  const [syscall, what] = [entry?.syscall ?? 'clone', entry?.what ?? ''];
  return result < 0n
    ? new SyscallError(syscall, Number(-result), what)
    : new Error(`${syscall} ${what}: ${result} is less than the ${entry?.atLeast ?? 0} that the tape expects`);
}
