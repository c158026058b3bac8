import { SyscallError } from '../../native/syscall-error.ts';
import { TarError } from '../../registry/oci/tar/tar-error.ts';
import type { RefusalCode, WorkerFailure } from '../protocol/failures.ts';
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
export function toFailure(error: unknown): WorkerFailure {
  if (error instanceof RequestCancelled) {
    return { kind: 'cancelled' };
  }
  if (carriesFailure(error)) {
    return error.failure;
  }
  if (error instanceof Refusal) {
    return refused(error);
  }
  if (error instanceof TarError) {
    return {
      kind: 'refused',
      code: error.code === 'too-large' || error.code === 'too-sparse' ? 'archive-too-large' : 'archive-invalid',
      message: error.message,
    };
  }
  return systemFailure(error) ?? bug(error);
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
    return limitOf(code, { message, subject }) ?? { kind: 'syscall', syscall, errno: code, subject, message };
  }
  if (isNodeError(error)) {
    const { syscall, code, message } = error;
    const subject = error.path ?? '';
    return limitOf(code, { message, subject }) ?? { kind: 'syscall', syscall, errno: code, subject, message };
  }
  return undefined;
}

function isNodeError(
  error: unknown,
): error is Error & { readonly code: string; readonly syscall: string; readonly path?: string } {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    'syscall' in error &&
    typeof error.syscall === 'string'
  );
}

/** What no other request would bring through. */
function limitOf(
  code: string,
  { message, subject }: { readonly message: string; readonly subject: string },
): WorkerFailure | undefined {
  return code === 'ENAMETOOLONG' ? longName(subject) : fullDisk(code, message);
}

function longName(subject: string): WorkerFailure {
  const name = subject.split('/').reduce((longest, part) => (part.length > longest.length ? part : longest), '');
  return {
    kind: 'refused',
    code: 'name-too-long',
    message: `Cannot make "${name.slice(0, 40)}...": the name, or the path that leads to it, is longer than this file system takes`,
  };
}

const fullDiskCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

function fullDisk(code: string, message: string): WorkerFailure | undefined {
  if (!fullDiskCodes.has(code)) {
    return undefined;
  }
  return {
    kind: 'refused',
    code: 'disk-full',
    message: `Cannot write to the store: ${code === 'ENOSPC' ? 'the disk is full' : 'the disk quota is used up'} (${message})`,
    hint: 'Free some space, remove old build results with "tsbuild prune", or choose another store with "--store DIR"',
  };
}

function bug(error: unknown): WorkerFailure {
  if (error instanceof Error) {
    return { kind: 'bug', message: error.message, stack: error.stack ?? error.message };
  }
  return { kind: 'bug', message: String(error), stack: '' };
}
