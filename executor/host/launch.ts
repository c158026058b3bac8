import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { AT_FDCWD, F_DUPFD_CLOEXEC, MS, O_CLOEXEC, PR } from '../../native/constants.ts';
import { close } from '../../native/files.ts';
import { pipe2, socketpair } from '../../native/processes.ts';
import { readOnlyFile } from '../../native/tape/read-only-file.ts';
import { startTape, type TapeProcess } from '../../native/tape/start.ts';
import type { TapeEntry } from '../../native/tape/tape.ts';
import { diagnoseStart, readKernelSwitches } from './diagnose.ts';
import { EnvironmentError } from './errors.ts';
import type { HostUser, IdSources } from './host-user.ts';
import { currentUser, readIdSources } from './host-user.ts';
import { type IdPlan, planIdMaps } from './id-map.ts';
import { writeIdMaps } from './write-id-maps.ts';

export interface LaunchOptions {
  /** The store's folder, absolute. */
  readonly storeRoot: string;
  /** For small things that are gone soon. It must be there and writable, which /tmp need not be. Default: TMPDIR. */
  readonly temporaryFolder?: string | undefined;
  /** The compiled program that the worker runs. */
  readonly entry?: string | undefined;
  onWarning?(message: string): void;
}

/** A running worker, before it has said a word. */
export interface LaunchedWorker {
  readonly process: TapeProcess;
  readonly socket: Socket;
  /** What it writes to its standard output and error, which only defects do. */
  readonly complaints: Socket;
  readonly plan: IdPlan;
  readonly user: HostUser;
  readonly sources: IdSources;
  /** What to do about the better plan that did not work. */
  readonly refusalHint: string | undefined;
}

/**
 * Starts the worker as root of new user and mount namespaces, with the most ids that the user can have. When subordinate ids do not work it
 * says why and goes on with one id.
 *
 * @throws EnvironmentError
 */
export async function launchWorker(options: LaunchOptions): Promise<LaunchedWorker> {
  const launched = lastLaunch.then(() => launch(options));
  // Who asked for it gets the error; the next only waits.
  lastLaunch = launched.catch(() => undefined);
  return launched;
}

/**
 * Launches wait for each other: while one child changes its ids, the memory that it still shares with us is not dumpable, and then the
 * id maps of another belong to root and cannot be written. (PR_SET_DUMPABLE in prctl(2))
 */
let lastLaunch: Promise<unknown> = Promise.resolve();

async function launch(options: LaunchOptions): Promise<LaunchedWorker> {
  const user = currentUser();
  const sources = readIdSources();
  let refusal: EnvironmentError | undefined;
  for (const plan of planIdMaps(user, sources)) {
    try {
      return { ...(await startWith(plan, options)), plan, user, sources, refusalHint: refusal?.hint };
    } catch (error) {
      const reason = error instanceof EnvironmentError ? error : diagnoseStart(error, readKernelSwitches());
      if (!concernsIds(reason)) throw reason;
      options.onWarning?.(reason.hint === undefined ? reason.message : `${reason.message} (${reason.hint})`);
      refusal = reason;
    }
  }
  throw refusal ?? new EnvironmentError('worker-not-started', 'Cannot start the worker: there is no id map to try');
}

/** What the worker's tape needs to know. */
export interface WorkerTapeOptions {
  /** The worker's end of the socket, and where it complains. */
  readonly socketFd: number;
  readonly complaintsFd: number;
  readonly argv: readonly [program: string, ...rest: string[]];
  readonly env: readonly string[];
}

/** The tape that makes a clone in fresh user and mount namespaces the worker. Pure. Exported for tests. */
export function workerTape(options: WorkerTapeOptions): TapeEntry[] {
  const [program] = options.argv;
  return [
    // Copies above all fixed numbers first, so that no dup3() closes what a later one needs.
    { syscall: 'fcntl', args: [options.socketFd, F_DUPFD_CLOEXEC, 10], what: 'socket' },
    { syscall: 'fcntl', args: [options.complaintsFd, F_DUPFD_CLOEXEC, 10], what: 'standard error' },
    { syscall: 'openat', args: [AT_FDCWD, '/dev/null', O_CLOEXEC, 0], what: '/dev/null' },
    { syscall: 'dup3', args: [{ kind: 'result', entry: 0 }, 3, 0], what: 'socket' },
    { syscall: 'dup3', args: [{ kind: 'result', entry: 1 }, 2, 0], what: 'standard error' },
    { syscall: 'dup3', args: [2, 1, 0], what: 'standard output' },
    { syscall: 'dup3', args: [{ kind: 'result', entry: 2 }, 0, 0], what: 'standard input' },
    // Ctrl-C at the terminal is for main, which ends the requests in order.
    { syscall: 'setsid', args: [], what: 'session', mayFail: true },
    { syscall: 'setresgid', args: [0, 0, 0], what: 'group 0' },
    { syscall: 'setresuid', args: [0, 0, 0], what: 'user 0' },
    // A change of ids clears the parent death signal, see prctl(2).
    { syscall: 'prctl', args: [PR.SET_PDEATHSIG, 9], what: 'parent death signal' },
    { syscall: 'mount', args: ['none', '/', 0, MS.REC | MS.PRIVATE, 0], what: 'private mounts' },
    // A command begins as a clone of the worker, and sees this program through /proc/self/exe.
    ...readOnlyFile(program),
    { syscall: 'umask', args: [0o022] },
    { syscall: 'chdir', args: ['/'], what: '/' },
    { syscall: 'execve', args: [program, options.argv, options.env], what: program },
  ];
}

async function startWith(
  plan: IdPlan,
  options: LaunchOptions,
): Promise<Pick<LaunchedWorker, 'process' | 'socket' | 'complaints'>> {
  const [ourSocket, itsSocket] = socketpair();
  const [ourComplaints, itsComplaints] = pipe2();
  const entry = options.entry ?? createRequire(import.meta.url).resolve('#worker');
  const tape = workerTape({
    socketFd: itsSocket,
    complaintsFd: itsComplaints,
    argv: [process.execPath, '--enable-source-maps', entry, options.storeRoot],
    env: workerEnvironment(process.env['PATH'], options.temporaryFolder ?? tmpdir()),
  });
  try {
    const child = await startTape(tape, { namespaces: ['user', 'mount'], onCloned: (pid) => writeIdMaps(pid, plan) });
    return { process: child, socket: new Socket({ fd: ourSocket }), complaints: new Socket({ fd: ourComplaints }) };
  } catch (error) {
    close(ourSocket);
    close(ourComplaints);
    throw error;
  } finally {
    close(itsSocket);
    close(itsComplaints);
  }
}

/** Nothing of the user's environment but PATH and TMPDIR: it may hold credentials, and the worker runs what images bring. */
function workerEnvironment(searchPath: string | undefined, temporaryFolder: string): string[] {
  const threads = Math.min(16, Math.max(4, availableParallelism() * 2));
  return [
    `PATH=${searchPath ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'}`,
    `TMPDIR=${temporaryFolder}`,
    `UV_THREADPOOL_SIZE=${threads}`,
    // Some container policies kill what they do not know.
    'UV_USE_IO_URING=0',
  ];
}

function concernsIds({ code }: EnvironmentError): boolean {
  return code === 'helper-missing' || code === 'helper-failed' || code === 'id-maps-refused';
}
