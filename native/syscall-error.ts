import { errnoName, errnoText } from './errno.ts';

/**
 * The kernel refused a call. The message reads like a man page's error: `openat2 /x: ENOENT (No such file or directory)`.
 * Callers wrap it when they can say more; people see it only as a cause.
 */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  /** The call's name without arguments: `openat2`. */
  readonly syscall: string;
  readonly errno: number;
  /** The errno's name: `ENOENT`. */
  readonly code: string;
  /** What the call was about, mostly a path; '' when there is nothing to name. */
  readonly subject: string;

  constructor(syscall: string, errno: number, subject = '') {
    super(`${syscall}${subject === '' ? '' : ` ${subject}`}: ${errnoName(errno)} (${errnoText(errno)})`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = errnoName(errno);
    this.subject = subject;
  }
}

/** True for a SyscallError with one of these errno names. */
export function isSyscallError(error: unknown, ...codes: readonly string[]): error is SyscallError {
  return error instanceof SyscallError && (codes.length === 0 || codes.includes(error.code));
}
