import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { removeTree } from '../../cache/files/remove-tree.ts';
import { type FileLock, tryLockOfFile } from '../../cache/folder/store-lock.ts';
import { isMissing, isSystemError } from '../../registry/oci/thrown.ts';

/**
 * Runs `use` with a new folder in `parent`, which is the user's alone. Afterwards, and when the process exits before, it is removed with all that
 * is in it. It is locked meanwhile: what processes left that were killed is removed by the next one that comes here.
 */
export async function withTemporaryFolder(parent: string, base: string, use: (folder: string) => Promise<void>): Promise<void> {
  await collectLeft(parent);
  const { folder, lock } = await newFolder(parent, base);
  // A second Ctrl-C does not wait for promises.
  const removeNow = (): void => removeTree(folder);
  process.once('exit', removeNow);
  try {
    await use(folder);
  } catch (error) {
    // Where nothing could be written nothing can be removed, which is not the news.
    ifPossible(removeNow);
    throw error;
  } finally {
    process.off('exit', removeNow);
    lock?.[Symbol.dispose]();
  }
  removeNow();
}

/** True for a path of such a folder, or of something right in it. */
export function isTemporary(path: string): boolean {
  return path
    .split('/')
    .slice(-2)
    .some((name) => temporaryName.test(name));
}

/** Hidden from listings. */
const temporaryName = /^\.[^/]*\.tsbuild-[0-9a-f]{12}$/;

interface LockedFolder {
  readonly folder: string;
  /** undefined where the file system has no locks: nobody removes what is there then. */
  readonly lock: FileLock | undefined;
}

async function newFolder(parent: string, base: string): Promise<LockedFolder> {
  for (;;) {
    // Names end at 255 bytes. (NAME_MAX)
    const folder = join(parent, `.${base.slice(0, 60)}.tsbuild-${randomBytes(6).toString('hex')}`);
    await mkdir(folder, 0o700);
    const locked = await lockOf(folder);
    // Between the two somebody may have taken it for one that was left.
    if (locked !== 'taken' && existsSync(folder)) return { folder, lock: locked };
  }
}

async function lockOf(folder: string): Promise<FileLock | 'taken' | undefined> {
  try {
    return (await tryLockOfFile(folder, 'exclusive')) ?? 'taken';
  } catch (error) {
    if (isMissing(error)) return 'taken';
    if (!isSystemError(error)) throw error;
    return undefined;
  }
}

/** Folders that this process has been through. */
const seen = new Set<string>();

async function collectLeft(parent: string): Promise<void> {
  const path = resolve(parent);
  if (seen.has(path)) return;
  seen.add(path);
  for (const name of await leftIn(path)) {
    const folder = join(path, name);
    const lock = await lockOf(folder);
    if (lock === 'taken' || lock === undefined) continue;
    ifPossible(() => removeTree(folder));
    lock[Symbol.dispose]();
  }
}

/** Only what is ours: others may put anything into a public folder. */
async function leftIn(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory() && temporaryName.test(entry.name));
    return folders.map(({ name }) => name).filter((name) => lstatSync(join(path, name)).uid === process.geteuid?.());
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return [];
  }
}

/** Whatever the file system refuses is let be. */
function ifPossible(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}
