import { fileTrouble, isAboutNamespaces } from '../../../native/file-trouble.ts';
import { SyscallError } from '../../../native/syscall-error.ts';
import { TarError } from '../../../registry/oci/tar/tar-error.ts';
import { isSystemError } from '../../../registry/oci/thrown.ts';
import type { RefusalCode, WorkerFailure } from '../../protocol/failures.ts';
import { RequestCancelled } from './request-context.ts';

/** What was asked cannot be done as written, and the person can do something about it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  readonly hint: string | undefined;

  constructor(code: RefusalCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** Any error of a handler as data for main. What is not known is a defect of tsbuild. */
export function toFailure(thrown: unknown): WorkerFailure {
  const error = firstOf(thrown);
  if (error instanceof RequestCancelled) {
    return { kind: 'cancelled' };
  }
  if (carriesFailure(error)) return error.failure;
  if (error instanceof Refusal) return refused(error);
  if (error instanceof TarError) {
    return {
      kind: 'refused',
      code: error.code === 'too-large' || error.code === 'too-sparse' ? 'archive-too-large' : 'archive-invalid',
      message: error.message,
    };
  }
  return systemFailure(error) ?? bug(error);
}

/** What failed first: cleaning up after it fails for the same reason, and is thrown around it. */
function firstOf(error: unknown): unknown {
  const isAround = error instanceof Error && error.name === 'SuppressedError' && 'suppressed' in error;
  return isAround ? firstOf(error.suppressed) : error;
}

/** The errors of a RUN's command know themselves what main is told. */
function carriesFailure(error: unknown): error is Error & { readonly failure: WorkerFailure } {
  return error instanceof Error && 'failure' in error;
}

function refused({ code, message, hint }: Refusal): WorkerFailure {
  return { kind: 'refused', code, message, ...(hint === undefined ? {} : { hint }) };
}

/** Errors of our own calls and of Node's `fs`, which say the same under other names. */
function systemFailure(error: unknown): WorkerFailure | undefined {
  if (error instanceof SyscallError) {
    const { syscall, code, subject, message } = error;
    return limitOf({ code, syscall, message, subject }) ?? { kind: 'syscall', syscall, errno: code, subject, message };
  }
  if (isSystemError(error)) {
    const { syscall, code, message } = error;
    const subject = error.path ?? '';
    return limitOf({ code, syscall, message, subject }) ?? { kind: 'syscall', syscall, errno: code, subject, message };
  }
  return undefined;
}

/** What no other request would bring through. */
function limitOf(call: FailedCall): WorkerFailure | undefined {
  return call.code === 'ENAMETOOLONG' ? longName(call.subject) : troubleWith(call);
}

interface FailedCall {
  readonly code: string;
  readonly syscall: string;
  readonly message: string;
  readonly subject: string;
}

function longName(subject: string): WorkerFailure {
  const name = subject.split('/').reduce((longest, part) => (part.length > longest.length ? part : longest), '');
  return {
    kind: 'refused',
    code: 'name-too-long',
    message: `Cannot make "${name.slice(0, 40)}...": the name, or the path that leads to it, is longer than this file system takes`,
  };
}

/** Disks and limits, of which no step is guilty. */
function troubleWith({ code, syscall, message }: FailedCall): WorkerFailure | undefined {
  if (isAboutNamespaces(syscall)) return namespaceLimit(code, message);
  const trouble = fileTrouble(code);
  // What is read-only may be so because the step wants it.
  if (trouble === undefined || code === 'EROFS') return undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return {
      kind: 'refused',
      code: 'disk-full',
      message: `Cannot write to the store: ${trouble.words} (${message})`,
      hint: 'Free some space, remove old build results with "tsbuild prune", or choose another store with "--store DIR"',
    };
  }
  return { kind: 'refused', code: 'io', message: `Cannot use a file: ${trouble.words} (${message})`, hint: trouble.hint };
}

/** The kernel counts namespaces for each user and each namespace above, and mounts for each mount namespace. (namespaces(7)) */
function namespaceLimit(code: string, message: string): WorkerFailure | undefined {
  if (code !== 'ENOSPC' && code !== 'EUSERS') return undefined;
  return {
    kind: 'refused',
    code: 'machine',
    message: `Cannot make what a RUN is kept in: a limit of namespaces or mounts is reached (${message})`,
    hint: 'Raise the limits, also of the container around: "sysctl -a | grep -E \'user.max_.*_namespaces|fs.mount-max\'" shows them',
  };
}

function bug(error: unknown): WorkerFailure {
  if (error instanceof Error) {
    return { kind: 'bug', message: error.message, stack: error.stack ?? error.message };
  }
  return { kind: 'bug', message: String(error), stack: '' };
}
