import { O_NOCTTY, O_NONBLOCK, O_RDONLY, S_IFMT, S_IFREG } from '../../../native/constants.ts';
import { close, read } from '../../../native/files.ts';
import { isSyscallError, SyscallError } from '../../../native/syscall-error.ts';
import type { RunAction } from '../../protocol/actions.ts';
import { Refusal } from '../request/failure.ts';
import { openInRoot, openRoot, statInRoot } from '../root/resolve-in-root.ts';
import { CommandNotStarted } from './command-errors.ts';
import { readInterpreter } from './interpreter.ts';
import { candidatesOf } from './process/command-environment.ts';

/** Where a command could not be started. */
interface StartContext {
  /** The root, in which everything is still mounted. */
  readonly root: string;
  /** What to do about programs of another processor. */
  readonly foreignHint: string;
}

/** Makes of a failed start what a person can act on. Looks into the root. */
export function explainStart(error: unknown, action: RunAction, place: StartContext): unknown {
  if (!(error instanceof SyscallError)) return error;
  switch (error.syscall) {
    case 'execve':
      return explainProgram(error, action, place);
    case 'chdir':
    case 'openat':
    case 'openat2':
    case 'getcwd':
      return error.subject === action.cwd ? explainDirectory(error, action.cwd) : explainConfinement(error, action);
    case 'prlimit64':
      return new Refusal(
        'machine',
        `Cannot set the ${error.subject} of the command: ${reason(error)}`,
        'Without root a limit can only be lowered: raise the hard limit of your shell first (ulimit -H)',
      );
    case 'sethostname':
      return new Refusal('not-supported', `Cannot use the host name "${action.hostname}": ${reason(error)}`);
    default:
      return explainConfinement(error, action);
  }
}

/** What options have asked for. */
function explainConfinement(error: SyscallError, { confinement = {} }: RunAction): unknown {
  if (/^(AppArmor profile|SELinux label) /.test(error.subject)) {
    return new Refusal(
      'machine',
      `Cannot use the ${error.subject}: ${reason(error)}`,
      'The machine must have loaded it, and let tsbuild change to it',
    );
  }
  const isByFilter =
    confinement.seccomp !== undefined && confinement.seccomp !== 'unconfined' && callsBehindFilter.has(error.syscall);
  if (!isByFilter) return error;
  return new Refusal(
    'not-supported',
    `Cannot start the command under the seccomp profile: it refuses ${error.syscall} (${reason(error)})`,
    'Allow the call, or add --security-opt no-new-privileges: then the profile counts from the command on',
  );
}

const callsBehindFilter = new Set<string>(['prctl', 'setgroups', 'setresgid', 'setresuid', 'capset']);

function explainDirectory(error: SyscallError, cwd: string): Refusal {
  // It was made before, unless a link leads it to /proc or /sys, where a magic link counts as one too many. (openat2(2))
  const isKernels = error.code === 'ELOOP' || error.code === 'ENOENT';
  const why = isKernels ? 'its links lead in circles, or to a place that is not in the image' : reason(error);
  const hint = isKernels ? 'Choose a folder of the image itself: WORKDIR /app' : undefined;
  return new Refusal('not-a-directory', `Cannot start the command in "${cwd}": ${why}`, hint);
}

function explainProgram(error: SyscallError, action: RunAction, { root, foreignHint }: StartContext): CommandNotStarted {
  const program = action.argv[0] ?? '';
  if (error.code === 'E2BIG') {
    return new CommandNotStarted({
      program,
      errno: 'E2BIG',
      message: `Cannot start "${program}": its arguments and environment are too long`,
      hint: 'One argument may have 128 KiB, and arguments and variables together a quarter of the stack limit, at most 6 MiB: put a long script into a file and COPY it, and large values out of ENV and ARG',
    });
  }
  const rootFd = openRoot(root);
  try {
    const found = candidatesOf(program, action.env).map((path) => resolvedFrom(action.cwd, path));
    const present = found.filter((path) => statIfReachable(rootFd, path) !== undefined);
    return present[0] === undefined
      ? notFound(program, action)
      : unusable({ program, path: present[0], error, foreignHint }, rootFd);
  } finally {
    close(rootFd);
  }
}

function notFound(program: string, action: RunAction): CommandNotStarted {
  const isShell = /(^|\/)(sh|bash|dash|ash|zsh)$/.test(program);
  const message = `Cannot start "${program}": ${program.includes('/') ? 'the image has no such file' : 'it is in no folder of PATH'}`;
  const hint = isShell
    ? `The image has no ${program}: use the JSON form (RUN ["program", "argument"]), or SHELL with a shell that it has`
    : action.argv.length === 1 && program.includes(' ')
      ? 'In the JSON form each argument is a string of its own'
      : undefined;
  return new CommandNotStarted({ program, errno: 'ENOENT', message, ...(hint === undefined ? {} : { hint }) });
}

interface UnusableProgram {
  readonly program: string;
  readonly path: string;
  readonly error: SyscallError;
  readonly foreignHint: string;
}

function unusable({ program, path, error, foreignHint }: UnusableProgram, rootFd: number): CommandNotStarted {
  const status = statInRoot(rootFd, path);
  const explain = (errno: string, why: string, hint?: string): CommandNotStarted =>
    new CommandNotStarted({
      program,
      errno,
      message: `Cannot start "${program}": ${why}`,
      ...(hint === undefined ? {} : { hint }),
    });
  if (status === undefined || (status.mode & S_IFMT) !== S_IFREG) {
    return explain('EACCES', `${path} is not a file`);
  }
  if ((status.mode & 0o111) === 0) {
    return explain('EACCES', `${path} is not executable`, `Make it executable: COPY --chmod=755, or RUN chmod +x ${path}`);
  }
  const needs = interpreterOf(rootFd, path);
  switch (needs.kind) {
    case 'foreign':
      return explain('ENOEXEC', `${path} is for another processor (${needs.machine})`, foreignHint);
    case 'interpreter':
      if (statIfReachable(rootFd, needs.path) === undefined) {
        return explain('ENOENT', `it needs ${needs.path}, which the image does not have`, needs.hint);
      }
      break;
    case 'unknown':
      return error.code === 'ENOEXEC'
        ? explain('ENOEXEC', `${path} is neither a program nor a script`, 'A script starts with a line like #!/bin/sh')
        : explain(error.code, reason(error));
    case 'none':
      break;
  }
  // Programs for the processor's 32-bit mode, where the kernel lacks that.
  return explain(error.code, reason(error), error.code === 'ENOEXEC' ? foreignHint : undefined);
}

function interpreterOf(rootFd: number, path: string): ReturnType<typeof readInterpreter> {
  const fd = openInRoot(rootFd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  try {
    // Program headers of real programs lie at the start.
    const head = Buffer.alloc(16_384);
    return readInterpreter(head.subarray(0, read(fd, head)));
  } finally {
    close(fd);
  }
}

function statIfReachable(rootFd: number, path: string): ReturnType<typeof statInRoot> {
  try {
    return statInRoot(rootFd, path);
  } catch (error) {
    // Links that lead in circles or into /proc, which is not mounted here.
    if (isSyscallError(error, 'ELOOP', 'EACCES')) return undefined;
    throw error;
  }
}

function resolvedFrom(cwd: string, path: string): string {
  return path.startsWith('/') ? path : `${cwd}/${path}`;
}

/** The kernel's words without the call and the subject: `Permission denied`. */
function reason({ message, code }: SyscallError): string {
  return /\(([^()]*)\)$/.exec(message)?.[1] ?? code;
}
