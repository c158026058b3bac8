import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { isMissing } from './errors.ts';
import { folderMode, temporaryPrefix } from './files.ts';
import { removeTree } from './remove-tree.ts';
import type { StoreLayout } from './store-layout.ts';
import { type FileLock, tryLock } from './store-lock.ts';

/** A build's own folder below `tmp/`. Its lock tells the living from the dead. */
export interface Session extends Disposable {
  readonly name: string;
  readonly folder: string;
  /** A path in the folder that nobody has used; nothing is made there. */
  newPath(): string;
}

/** Begins a session. Disposing removes what is in its folder, as far as this user may; the next build finds the rest. */
export async function startSession(layout: StoreLayout): Promise<Session> {
  const name = randomUUID();
  // It gets its name when it is locked, so that nobody takes it for one that was left.
  const unnamed = layout.session(`${temporaryPrefix}${name}`);
  await mkdir(unnamed, { mode: folderMode });
  const lock = await tryLock(lockOf(unnamed), 'exclusive');
  if (lock === undefined) throw new Error(`Unexpected lock on ${unnamed}`);
  try {
    const folder = layout.session(name);
    await rename(unnamed, folder);
    return sessionIn(folder, lock);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/**
 * The session folders that dead builds left. They can hold ids that only the worker can remove. When there are none, which is the
 * rule, no lock is tried.
 */
export async function findAbandoned(layout: StoreLayout): Promise<readonly string[]> {
  const abandoned: string[] = [];
  for (const name of await readdir(layout.sessions)) {
    const folder = layout.session(name);
    if (!name.startsWith(temporaryPrefix) && (await isAbandoned(folder))) abandoned.push(folder);
  }
  return abandoned;
}

/** True when the build that made the session is gone. */
export async function isAbandoned(folder: string): Promise<boolean> {
  try {
    using lock = await tryLock(lockOf(folder), 'shared');
    return lock !== undefined;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}

function sessionIn(folder: string, lock: FileLock): Session {
  let count = 0;
  return {
    name: path.basename(folder),
    folder,
    newPath: () => path.join(folder, String(++count)),
    [Symbol.dispose]: () => {
      removeWhatCanBeRemoved(folder);
      lock[Symbol.dispose]();
    },
  };
}

function removeWhatCanBeRemoved(folder: string): void {
  try {
    removeTree(folder);
  } catch {
    // Files of other ids stay. The lock is free now, so the next build reports the folder as abandoned.
  }
}

function lockOf(folder: string): string {
  return path.join(folder, 'lock');
}
