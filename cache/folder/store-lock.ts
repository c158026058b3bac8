import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileMode } from '../files/store-files.ts';

/** A lock on a file, held until disposed. The kernel drops it when the process ends, however it ends. (flock(2)) */
export interface FileLock extends Disposable {
  readonly path: string;
  /** Turns an exclusive lock into a shared one. */
  share(): void;
}

export type LockKind = 'shared' | 'exclusive';

/**
 * Tries to lock a file, which is made when it is missing. undefined when somebody holds a lock that forbids it. Two locks of one
 * process exclude each other as those of two processes do.
 */
export async function tryLock(file: string, kind: LockKind): Promise<FileLock | undefined> {
  return lockOpened(file, openSync(file, constants.O_WRONLY | constants.O_CREAT | neverFollowed, fileMode), kind);
}

/** The same for a file that is there: it is neither made nor written to. @throws ENOENT when it is missing */
export async function tryLockOfFile(file: string, kind: LockKind): Promise<FileLock | undefined> {
  return lockOpened(file, openSync(file, constants.O_RDONLY | neverFollowed), kind);
}

/** A link is refused (ELOOP), and a FIFO is not waited for. */
const neverFollowed = constants.O_NOFOLLOW | constants.O_NONBLOCK;

async function lockOpened(file: string, descriptor: number, kind: LockKind): Promise<FileLock | undefined> {
  // Loaded here, since a build that finds everything in the cache takes no lock.
  const { flock } = await import('../../native/files.ts');
  const { LOCK } = await import('../../native/constants.ts');
  try {
    const operation = kind === 'shared' ? LOCK.SH : LOCK.EX;
    if (flock(descriptor, operation | LOCK.NB)) return held(file, descriptor, () => flock(descriptor, LOCK.SH | LOCK.NB));
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  closeSync(descriptor);
  return undefined;
}

/** Locks a file, waiting as long as it takes. Rejects with the signal's reason when that comes first. */
export async function waitForLock(
  file: string,
  kind: LockKind,
  options: { readonly signal?: AbortSignal | undefined; readonly onWait?: (() => void) | undefined },
): Promise<FileLock> {
  for (let attempt = 0; ; attempt++) {
    options.signal?.throwIfAborted();
    const lock = await tryLock(file, kind);
    if (lock !== undefined) return lock;
    if (attempt === 0) options.onWait?.();
    await pause(Math.min(500, 10 * 1.5 ** attempt), options.signal);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

function held(file: string, descriptor: number, share: () => void): FileLock {
  let isOpen = true;
  return {
    path: file,
    share,
    [Symbol.dispose]: () => {
      if (!isOpen) return;
      isOpen = false;
      closeSync(descriptor);
    },
  };
}
