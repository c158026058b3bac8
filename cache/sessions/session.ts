import { randomUUID } from 'node:crypto';
import { type Dirent, lstatSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { isMissing } from '../../registry/oci/thrown.ts';
import { entriesIn, folderMode, temporaryPrefix } from '../files/store-files.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import { type FileLock, tryLock, tryLockOfFile } from '../folder/store-lock.ts';
import { removeSession } from './remove-session.ts';

/** A build's own folder below `tmp/`. Its lock tells the living from the dead. */
export interface BuildSession extends Disposable {
  readonly name: string;
  readonly folder: string;
  /** A path in the folder that nobody has used; nothing is made there. */
  newPath(): string;
}

/** What there is below `tmp/`, by name, besides the sessions of builds that run. */
export interface FoundSessions {
  /** The sessions that dead builds left. They can hold ids that only the worker can remove. */
  readonly abandoned: readonly string[];
  /** What no build of ours has put there. It is left alone. */
  readonly strange: readonly string[];
}

/** Begins a session. Disposing removes what is in its folder, as far as this user may; the next build finds the rest. */
export async function startSession(layout: StoreLayout): Promise<BuildSession> {
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

/** Looks at the folder of sessions. When it is empty, which is the rule, no lock is tried. */
export async function findSessions(layout: StoreLayout): Promise<FoundSessions> {
  const abandoned: string[] = [];
  const strange: string[] = [];
  for (const entry of await entriesIn(layout.sessions)) {
    const kind = await kindOf(entry, layout);
    if (kind === 'abandoned') abandoned.push(entry.name);
    else if (kind === 'strange') strange.push(entry.name);
  }
  return { abandoned, strange };
}

/** True when the build that made the session is gone. */
export async function isAbandoned(folder: string): Promise<boolean> {
  try {
    using lock = await tryLockOfFile(lockOf(folder), 'shared');
    return lock !== undefined;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}

/** As randomUUID() makes them. */
const sessionName = /^(?:\.new-)?[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** How long a session that has no name yet may take to get it: it is a matter of microseconds. */
const unnamedMs = 3_600_000;

/** A session is a folder, with a name such as we give, that holds a lock file; a link to one is none. */
async function kindOf(entry: Dirent, layout: StoreLayout): Promise<'alive' | 'abandoned' | 'strange'> {
  if (!entry.isDirectory() || !sessionName.test(entry.name)) return 'strange';
  const folder = layout.session(entry.name);
  if (entry.name.startsWith(temporaryPrefix) && ageMs(folder) < unnamedMs) return 'alive';
  if (!isFile(lockOf(folder))) return isGone(folder) ? 'alive' : 'strange';
  return (await isAbandoned(folder)) ? 'abandoned' : 'alive';
}

function ageMs(folder: string): number {
  return Date.now() - (lstatSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
}

function isFile(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

function isGone(folder: string): boolean {
  return lstatSync(folder, { throwIfNoEntry: false }) === undefined;
}

function sessionIn(folder: string, lock: FileLock): BuildSession {
  let count = 0;
  const name = path.basename(folder);
  return {
    name,
    folder,
    newPath: () => path.join(folder, String(++count)),
    [Symbol.dispose]: () => {
      removeWhatCanBeRemoved(path.dirname(folder), name);
      lock[Symbol.dispose]();
    },
  };
}

function removeWhatCanBeRemoved(sessions: string, name: string): void {
  try {
    removeSession(sessions, name);
  } catch {
    // Files of other ids stay. The lock is free now, so the next build reports the folder as abandoned.
  }
}

function lockOf(folder: string): string {
  return path.join(folder, 'lock');
}
