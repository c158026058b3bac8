import type { Dirent, Stats } from 'node:fs';
import { chmod } from 'node:fs/promises';
import path from 'node:path';
import { orStoreError } from '../files/errors.ts';
import { entriesIn, statIfThere } from '../files/store-files.ts';
import { StoreLayout } from './store-layout.ts';
import { ownNames, realRoot, type StoreOwner } from './store-safety.ts';

/**
 * Gives this user back the files and folders of a store that nothing but their modes keeps from him, and says how many those were. What is in
 * them tells itself whether it is whole. The files of layers and of cache mounts have the modes that they are to have.
 */
export async function restoreModes(root: string, owner: StoreOwner): Promise<number> {
  const doing = `use store ${root}`;
  const { root: real, version } = new StoreLayout(await orStoreError(() => realRoot(root, owner), doing, root));
  const found = await orStoreError(() => statIfThere(real), doing, real);
  if (found?.isDirectory() !== true) return 0;
  return orStoreError(
    async () => {
      const isOpened = await open(real, found);
      if ((await statIfThere(version)) === undefined) {
        // A folder of somebody's files is left as it was.
        if (isOpened) await chmod(real, found.mode & 0o7777);
        return 0;
      }
      return Number(isOpened) + (await openBelow(real, (name) => ownNames.has(name), 1));
    },
    doing,
    real,
  );
}

/** A record of a step, a file of a snapshot and the lock of a cache mount lie so deep. What is deeper belongs to images. */
const deepest = 3;

async function openBelow(folder: string, isWanted: (name: string) => boolean, depth: number): Promise<number> {
  let count = 0;
  for (const entry of await entriesIn(folder)) {
    if (isWanted(entry.name)) count += await openEntry(path.join(folder, entry.name), entry, depth);
  }
  return count;
}

async function openEntry(at: string, entry: Dirent, depth: number): Promise<number> {
  const isFolder = entry.isDirectory();
  if (isFolder ? depth === deepest : !entry.isFile()) return 0;
  const found = await statIfThere(at);
  const isOpened = found !== undefined && (await open(at, found));
  return Number(isOpened) + (isFolder ? await openBelow(at, () => true, depth + 1) : 0);
}

/** True when it was closed to its owner, who is this user, and is no more. */
async function open(at: string, found: Stats): Promise<boolean> {
  const needed = found.isDirectory() ? 0o700 : 0o600;
  if (found.uid !== process.geteuid?.() || (found.mode & needed) === needed) return false;
  await chmod(at, (found.mode & 0o7777) | needed);
  return true;
}
