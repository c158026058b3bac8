import { Socket } from 'node:net';
import { F_DUPFD_CLOEXEC, NAMESPACE_FLAGS, PR } from '../../../native/constants.ts';
import { close } from '../../../native/files.ts';
import { exitText, pipe2 } from '../../../native/processes.ts';
import { SyscallError } from '../../../native/syscall-error.ts';
import { closeDescriptors } from '../../../native/tape/descriptors.ts';
import { startTape, type TapeProcess } from '../../../native/tape/start.ts';
import type { TapeEntry } from '../../../native/tape/tape.ts';
import { Refusal } from '../request/failure.ts';
import type { RequestContext } from '../request/request-context.ts';

interface Program {
  /** Absolute. */
  readonly path: string;
  readonly argv: readonly string[];
}

interface Namespaces {
  /** Owns the network, and has one id. */
  readonly userFd: number;
  readonly netFd: number;
}

/** A program that carries the packets of a network, which is ready. */
interface RunningProgram {
  /** How it ended; undefined while it runs. */
  readonly end: () => string | undefined;
}

/** These take less than a tenth of a second on a machine that has nothing else to do. */
const longestStartMs = 30_000;
const tailBytes = 2048;

/**
 * Starts the program in this machine's network, with the namespace of the other as its standard input, and waits until it has written to its standard
 * output that it is ready. It ends when this process does, however that ends.
 *
 * @throws Refusal `machine`
 */
export async function startProgram(
  program: Program,
  namespaces: Namespaces,
  { signal }: RequestContext,
): Promise<RunningProgram> {
  const [readyFd, itsReadyFd] = pipe2();
  const [complaintsFd, itsComplaintsFd] = pipe2();
  const ready = new Socket({ fd: readyFd, readable: true, writable: false });
  const complaints = new Socket({ fd: complaintsFd, readable: true, writable: false });
  const tail = tailOf(complaints);
  let process: TapeProcess;
  try {
    process = await startTape(programTape(program, { ...namespaces, itsReadyFd, itsComplaintsFd }), { namespaces: [] });
  } catch (error) {
    ready.destroy();
    complaints.destroy();
    throw error instanceof SyscallError ? notStarted(program, error.message) : error;
  } finally {
    close(itsReadyFd);
    close(itsComplaintsFd);
  }
  const isReady = await settled(process, ready, signal);
  signal.throwIfAborted();
  if (!isReady) {
    const status = await process.exited;
    throw notStarted(program, (status.signal === undefined ? reasonIn(tail()) : undefined) ?? exitText(status));
  }
  let end: string | undefined;
  const remember = async (): Promise<void> => {
    end = exitText(await process.exited);
  };
  void remember();
  return { end: () => end };
}

/** True when the program has said that it is ready; false when it has ended without, or was ended since it took too long. */
async function settled(process: TapeProcess, ready: Socket, signal: AbortSignal): Promise<boolean> {
  const stop = (): void => void process.signal('SIGKILL');
  const patience = setTimeout(stop, longestStartMs);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await new Promise<boolean>((resolve) => {
      ready.once('data', () => resolve(true));
      ready.once('close', () => resolve(false));
      // Whoever cannot be read from is at its end.
      ready.once('error', () => resolve(false));
    });
  } finally {
    clearTimeout(patience);
    signal.removeEventListener('abort', stop);
    // Nothing more is written there, and what is must not stop the program.
    ready.resume();
  }
}

/** The last that the program complains about. It is read as long as the program runs, so that it never waits for us. */
function tailOf(complaints: Socket): () => string {
  let tail = Buffer.alloc(0);
  complaints.on('data', (bytes: Buffer) => {
    tail = Buffer.concat([tail, bytes]).subarray(-tailBytes);
  });
  complaints.on('error', () => {});
  return () => tail.toString('utf8');
}

/** What it says of a machine without a log is not why it ended. */
function reasonIn(complaints: string): string | undefined {
  const lines = complaints.split('\n').map((line) => line.trim());
  return lines.findLast((line) => line !== '' && !/\bsyslog\b/.test(line));
}

interface ProgramStart extends Namespaces {
  readonly itsReadyFd: number;
  readonly itsComplaintsFd: number;
}

/** What is its root can do nothing but to this network. Its groups are those that have an id there: one. (user_namespaces(7)) */
function programTape({ path, argv }: Program, fds: ProgramStart): readonly TapeEntry[] {
  const streams = [fds.netFd, fds.itsReadyFd, fds.itsComplaintsFd];
  return [
    // Above all fixed numbers first, so that no dup3() closes what a later one needs.
    ...streams.map((fd): TapeEntry => ({ syscall: 'fcntl', args: [fd, F_DUPFD_CLOEXEC, 10], what: 'stream' })),
    { syscall: 'setns', args: [fds.userFd, NAMESPACE_FLAGS.user], what: 'user namespace of the network' },
    ...streams.map((_, index): TapeEntry => {
      return { syscall: 'dup3', args: [{ kind: 'result', entry: index }, index, 0], what: `stream ${index}` };
    }),
    { syscall: 'setsid', args: [] },
    ...closeDescriptors(),
    { syscall: 'chdir', args: ['/'], what: '/' },
    // A change of the user namespace may have cleared it. (PR_SET_PDEATHSIG in prctl(2))
    { syscall: 'prctl', args: [PR.SET_PDEATHSIG, SIGKILL], what: 'parent death signal' },
    { syscall: 'execve', args: [path, argv, ['PATH=/usr/bin:/bin']], what: path },
  ];
}

const SIGKILL = 9;

function notStarted({ argv, path }: Program, why: string): Refusal {
  return new Refusal('machine', `Cannot start ${argv[0] ?? path}: ${why}`);
}
