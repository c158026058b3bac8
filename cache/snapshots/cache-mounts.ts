import { readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { isMissing } from '../../registry/oci/thrown.ts';
import { orStoreError } from '../files/errors.ts';
import { touch } from '../files/json-record.ts';
import { makeFolder } from '../files/store-files.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import { type FileLock, tryLock, waitForLock } from '../folder/store-lock.ts';
import type { BuildSession } from '../sessions/session.ts';

/** One cache mount, held while a step uses it. */
export interface CacheMount extends Disposable {
  /** Absolute; the worker binds it and makes it whatever it has to be. */
  readonly directory: string;
  /** True when nothing was ever put there. */
  readonly isNew: boolean;
}

export interface CacheMountRequest {
  /** Everything that tells two caches apart: id, owner, mode, origin. */
  readonly identity: string;
  /** `shared`: any number at once. `locked`: one after the other. `private`: another folder for each that would overlap. */
  readonly sharing: 'shared' | 'private' | 'locked';
  /** Begin with an empty folder (`--no-cache`). */
  readonly reset: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called once when somebody else has it and must be waited for. */
  readonly onWait?: (() => void) | undefined;
}

/** The folders of `RUN --mount=type=cache`. The locks work between processes. */
export class CacheMounts {
  readonly #layout: StoreLayout;
  readonly #session: () => Promise<BuildSession>;

  constructor(layout: StoreLayout, session: () => Promise<BuildSession>) {
    this.#layout = layout;
    this.#session = session;
  }

  async acquire(request: CacheMountRequest): Promise<CacheMount> {
    const folder = this.#layout.cache(request.identity);
    await orStoreError(() => makeFolder(folder), 'make a cache mount', folder);
    const taking = (): Promise<LockedDirectory> =>
      request.sharing === 'private' ? lockFree(folder) : lockFirst(folder, request);
    const { lock, directory } = await orStoreError(taking, 'lock a cache mount', folder);
    try {
      if (request.reset) await this.#moveAway(directory);
      const isNew = await orStoreError(() => makeIfMissing(directory), 'make a cache mount', directory);
      if (request.sharing === 'shared') lock.share();
      // The lock's time says when the cache was last used.
      touch(lock.path);
      return { directory, isNew, [Symbol.dispose]: () => lock[Symbol.dispose]() };
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /** What was there goes to the session's waste, since it can hold files that only the worker can remove. */
  async #moveAway(directory: string): Promise<void> {
    const waste = (await this.#session()).newPath();
    try {
      await rename(directory, waste);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

interface LockedDirectory {
  readonly lock: FileLock;
  readonly directory: string;
}

async function lockFirst(folder: string, request: CacheMountRequest): Promise<LockedDirectory> {
  const directory = path.join(folder, '0');
  // A reset needs the folder alone; afterwards others may join.
  const kind = request.sharing === 'locked' || request.reset ? 'exclusive' : 'shared';
  const lock = await waitForLock(`${directory}.lock`, kind, { signal: request.signal, onWait: request.onWait });
  return { lock, directory };
}

async function lockFree(folder: string): Promise<LockedDirectory> {
  for (let number = 0; ; number++) {
    const directory = path.join(folder, String(number));
    const lock = await tryLock(`${directory}.lock`, 'exclusive');
    if (lock !== undefined) return { lock, directory };
  }
}

/** True when the folder is new or empty. */
async function makeIfMissing(directory: string): Promise<boolean> {
  await makeFolder(directory);
  try {
    return (await readdir(directory)).length === 0;
  } catch {
    // A folder that the worker gave to another id cannot be read here; it was used, then.
    return false;
  }
}
