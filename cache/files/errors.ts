import { fileTrouble } from '../../native/file-trouble.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import { errnoOf, isSystemError } from '../../registry/oci/thrown.ts';
import { cureOfAccess } from './closed-place.ts';

/** The closed set of ways in which the store can fail. docs/errors.md lists them. */
export type StoreErrorCode =
  /** No space, or no quota, left. */
  | 'disk-full'
  /** Written in a format that this version does not know. */
  | 'version'
  /** Somebody else uses what must be used alone. */
  | 'locked'
  /** Something in the store is not what it should be. */
  | 'corrupt'
  | 'digest-mismatch'
  | 'size-mismatch'
  | 'permission'
  /** Any other failure of the file system. */
  | 'io';

/** What a StoreError is about. */
export interface StoreErrorDetails {
  /** The file or folder that it is about. */
  readonly path: string;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** What was damaged is out of the store now, so that another try makes or fetches it anew. */
  readonly isRemoved?: boolean;
}

/** The store cannot do what it was asked. Exit code 5. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly path: string;
  readonly hint: string | undefined;
  readonly isRemoved: boolean;

  constructor(code: StoreErrorCode, message: string, details: StoreErrorDetails) {
    super(message, { cause: details.cause });
    this.code = code;
    this.path = details.path;
    this.hint = details.hint;
    this.isRemoved = details.isRemoved ?? false;
  }
}

/** True for content of the store that is lost or damaged. */
export function isCorrupt(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'corrupt';
}

/**
 * Makes a StoreError of a failed system call; whatever is not one passes unchanged. `doing` completes "Cannot ...", such as
 * `write blob sha256:...`.
 */
export function storeError(error: unknown, doing: string, path: string): Error {
  const code = errnoOf(error);
  if (code === undefined || error instanceof StoreError || !/^E[A-Z0-9]+$/.test(code)) return asError(error);
  const details = { path, cause: error };
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StoreError('disk-full', `Cannot ${doing}: no space left on the disk`, {
        ...details,
        hint: `Free some space, or run "tsbuild prune", or choose another folder with --store`,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StoreError('permission', `Cannot ${doing}: ${fileTrouble(code)?.words ?? 'permission denied'} (${path})`, {
        ...details,
        hint: (code === 'EROFS' ? undefined : cureOf(error, path)) ?? otherFolder,
      });
    default: {
      const trouble = fileTrouble(code);
      const isMaking = code === 'ENOENT' && isSystemError(error) && error.syscall === 'mkdir';
      const words = trouble?.words ?? strangePlaces[code] ?? (isMaking ? 'no folder can be made there' : code);
      return new StoreError('io', `Cannot ${doing}: ${words} (${path})`, {
        ...details,
        hint: isMaking ? otherFolder : trouble?.hint,
      });
    }
  }
}

const otherFolder = 'Choose a folder that you can write to with --store or TSBUILD_STORE';

/** Of the file that the call was about, or else of the one that it was for. */
function cureOf(error: unknown, path: string): string | undefined {
  const about = error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : path;
  return cureOfAccess(about) ?? cureOfAccess(path);
}

const strangePlaces: Readonly<Record<string, string | undefined>> = {
  EEXIST: 'a file is in its way',
  ELOOP: 'links lead in a circle',
  ENAMETOOLONG: 'a name in it is too long',
  ENOTDIR: 'a file is where a folder is needed',
};

/** A failed call of Node's `fs` as a StoreError, if a disk or a limit is to blame, whatever file it was about. */
export function troubleOf(error: unknown): StoreError | undefined {
  if (!(error instanceof Error) || error instanceof StoreError || !('syscall' in error)) return undefined;
  const code = errnoOf(error) ?? '';
  const trouble = fileTrouble(code);
  if (trouble === undefined) return undefined;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : '';
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  const message = `Cannot ${String(error.syscall)}${path === '' ? '' : ` "${path}"`}: ${trouble.words}`;
  return new StoreError(isFull ? 'disk-full' : 'io', message, { path, cause: error, hint: trouble.hint });
}

/** Runs a file-system operation and gives its failures the form of storeError(). */
export async function orStoreError<T>(operation: () => Promise<T>, doing: string, path: string): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw storeError(error, doing, path);
  }
}

/** Content that is not what its name says. */
export function digestMismatch(expected: Digest, found: Digest, about: { source: string; path: string }): StoreError {
  return new StoreError(
    'digest-mismatch',
    `Cannot store blob ${expected} from ${about.source}: the content has the digest ${found}`,
    { path: about.path, hint: 'The content was changed or damaged on its way; nothing of it was kept' },
  );
}

/** Content that is shorter or longer than announced. */
export function sizeMismatch(
  digest: Digest,
  sizes: { expected: number; found: string },
  about: { source: string; path: string },
): StoreError {
  return new StoreError(
    'size-mismatch',
    `Cannot store blob ${digest} from ${about.source}: expected ${sizes.expected} bytes, got ${sizes.found}`,
    { path: about.path, hint: 'The content was cut off or changed on its way; nothing of it was kept' },
  );
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
