import { constants } from 'node:os';
import { NAMESPACE_FLAGS, O_CLOEXEC } from './constants.ts';
import { ERRNO } from './errno.ts';
import { systemCall, systemCallResult, watchReadable } from './libc.ts';
import { SyscallError } from './syscall-error.ts';

/** A signal by its name, as Node spells it. */
export type SignalName = keyof typeof constants.signals;

/** How a process ended: one of the two is there. */
export interface ExitStatus {
  readonly exitCode?: number;
  /** `SIGKILL`; `SIG40` for one without a name. */
  readonly signal?: string;
}

/** The end of a process in words: `ended with exit code 2`, `ended with SIGKILL`. */
export function exitText({ exitCode, signal }: ExitStatus): string {
  return `ended with ${signal ?? `exit code ${exitCode}`}`;
}

/** What a process and those that it has waited for took. (getrusage(2)) */
export interface ResourceUsage {
  readonly processorMicroseconds: number;
  /** The most memory that one of them had at a time. A process that was cloned with the caller's memory begins with the caller's peak. */
  readonly peakBytes: number;
}

const calls = {
  pipe2: systemCall('pipe2', 'pointer', 'int'),
  socketpair: systemCall('socketpair', 'int', 'int', 'int', 'pointer'),
  kill: systemCallResult('kill', 'int', 'int'),
  pidfdOpen: systemCall('pidfd_open', 'int', 'uint'),
  pidfdSendSignal: systemCallResult('pidfd_send_signal', 'descriptor', 'int', 'pointer', 'uint'),
  waitid: systemCall('waitid', 'int', 'int', 'pointer', 'int', 'pointer'),
  prctl: systemCall('prctl', 'int', 'ulong', 'ulong', 'ulong', 'ulong'),
  getpriority: systemCall('getpriority', 'int', 'int'),
  landlockCreateRuleset: systemCallResult('landlock_create_ruleset', 'pointer', 'ulong', 'uint'),
  prlimit: systemCall('prlimit64', 'int', 'int', 'pointer', 'pointer'),
  setns: systemCall('setns', 'descriptor', 'int'),
};

/** A pipe: the end to read, the end to write. Both close-on-exec. (pipe(2)) */
export function pipe2(flags = 0): [readFd: number, writeFd: number] {
  const buffer = Buffer.alloc(8);
  calls.pipe2(buffer, flags | O_CLOEXEC);
  return [buffer.readInt32LE(0), buffer.readInt32LE(4)];
}

/** Two connected stream sockets, both close-on-exec. (socketpair(2)) */
export function socketpair(): [number, number] {
  const buffer = Buffer.alloc(8);
  calls.socketpair(AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, buffer);
  return [buffer.readInt32LE(0), buffer.readInt32LE(4)];
}

/** Sends a signal to a process, or to a group with a negative number. False when there is none. (kill(2)) */
export function kill(pid: number, signal: SignalName): boolean {
  return wasSent('kill', calls.kill(pid, constants.signals[signal]), `process ${pid}`);
}

/** A descriptor for a process; for a child it can be waited for. Close-on-exec. (pidfd_open(2)) */
export function pidfdOpen(pid: number): number {
  return calls.pidfdOpen(pid, 0);
}

/** Sends a signal to the process that `pidfd` stands for. False when it has been waited for. (pidfd_send_signal(2)) */
export function pidfdSendSignal(pidfd: number, signal: SignalName): boolean {
  return wasSent('pidfd_send_signal', calls.pidfdSendSignal(pidfd, constants.signals[signal], undefined, 0), `pidfd ${pidfd}`);
}

/**
 * Waits for a child to end and takes its status, so that it leaves the process table. Costs no thread however long it lasts: the
 * event loop watches the pidfd. The pidfd stays open; whoever opened it closes it afterwards. `onUsage` is told before that. (waitid(2))
 */
export function waitForExit(pidfd: number, onUsage?: (usage: ResourceUsage) => void): Promise<ExitStatus> {
  return new Promise((resolve, reject) => {
    const watch = watchReadable(pidfd, () => {
      try {
        const status = takeStatus(pidfd, onUsage);
        if (status !== undefined) {
          watch.close();
          resolve(status);
        }
      } catch (error) {
        watch.close();
        reject(error);
      }
    });
  });
}

/** The status of a child that has ended, which leaves the process table with this; undefined while it runs. */
function takeStatus(pidfd: number, onUsage: ((usage: ResourceUsage) => void) | undefined): ExitStatus | undefined {
  const info = Buffer.alloc(128);
  // The C library's waitid() has no fifth argument, the kernel's has. (NOTES in waitid(2))
  const usage = Buffer.alloc(144);
  calls.waitid(P_PIDFD, pidfd, info, WEXITED | WNOHANG, usage);
  if (info.readInt32LE(16) === 0) return undefined;
  onUsage?.(usageOf(usage));
  const status = info.readInt32LE(24);
  return info.readInt32LE(8) === CLD_EXITED ? { exitCode: status } : { signal: signalName(status) };
}

/** Of `struct rusage`: times of user and system as seconds and microseconds, then KiB. */
function usageOf(bytes: Buffer): ResourceUsage {
  const microseconds = (offset: number): number =>
    Number(bytes.readBigInt64LE(offset)) * 1_000_000 + Number(bytes.readBigInt64LE(offset + 8));
  return { processorMicroseconds: microseconds(0) + microseconds(16), peakBytes: Number(bytes.readBigInt64LE(32)) * 1024 };
}

/** `SIGTERM` for 15. Exported for tests. */
export function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `SIG${number}`;
}

/** Operations on the calling process or thread. Options: PR. (prctl(2)) */
export function prctl(option: number, ...values: readonly (number | bigint)[]): number {
  return calls.prctl(option, values[0] ?? 0, values[1] ?? 0, values[2] ?? 0, values[3] ?? 0);
}

/** The nice value of a process; 0 is the caller. (getpriority(2)) Exported for tests. */
export function niceness(pid = 0): number {
  // The raw call gives 20 - nice, so that errors stay negative.
  return 20 - calls.getpriority(0, pid);
}

/** A resource limit of the calling process; RLIM_INFINITY is 2^64 - 1. (prlimit(2)) */
export function resourceLimit(resource: number): { readonly soft: bigint; readonly hard: bigint } {
  const limit = Buffer.alloc(16);
  calls.prlimit(0, resource, undefined, limit);
  return { soft: limit.readBigUInt64LE(0), hard: limit.readBigUInt64LE(8) };
}

/** Moves the calling thread into another namespace; threads and processes that it makes from then on are in it. (setns(2)) */
export function setns(fd: number, namespace: keyof typeof NAMESPACE_FLAGS): void {
  calls.setns(fd, NAMESPACE_FLAGS[namespace]);
}

/** The version of Landlock's interface; 0 where the kernel or a filter has none. (landlock(7)) */
export function landlockVersion(): number {
  return Math.max(0, calls.landlockCreateRuleset(undefined, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

const LANDLOCK_CREATE_RULESET_VERSION = 1;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const P_PIDFD = 3;
const WNOHANG = 1;
const WEXITED = 4;
const CLD_EXITED = 1;

function wasSent(syscall: string, result: number, subject: string): boolean {
  if (result === -ERRNO.ESRCH) return false;
  if (result < 0) throw new SyscallError(syscall, -result, subject);
  return true;
}
