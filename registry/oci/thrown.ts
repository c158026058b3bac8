/** The errno name of a failed call, such as `ENOENT`, or whatever word a thrown error carries as its `code`; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** True for the error of a call that failed with one of these errno names. */
export function hasErrno(error: unknown, ...names: readonly string[]): boolean {
  return names.includes(errnoOf(error) ?? '');
}

/** True when the error says that a file, or a folder on the way to it, does not exist. */
export function isMissing(error: unknown): boolean {
  return hasErrno(error, 'ENOENT', 'ENOTDIR');
}

/** What a failed system call is thrown as by Node's `fs` and by native/ alike. */
export interface SystemError extends Error {
  /** The errno name: `ENOENT`. */
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
}

export function isSystemError(error: unknown): error is SystemError {
  return errnoOf(error) !== undefined && error instanceof Error && 'syscall' in error && typeof error.syscall === 'string';
}

/** The message of anything thrown, for a sentence that goes on after a colon. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
