import { constants } from 'node:fs';
import { access, chmod, link, lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../../registry/oci/thrown.ts';
import { OutputError } from '../contract/errors.ts';

/** One entry that goes to its place. */
interface Move {
  readonly source: string;
  readonly target: string;
  /** A file is there, which gives way. */
  readonly replaces: boolean;
  /** Of a folder. */
  readonly mode: number | undefined;
}

/** Folders to merge. All three are on one file system, and nobody else uses `from` and `old`. */
interface FolderMerge {
  readonly from: string;
  readonly to: string;
  /** Where files that are replaced wait until all is well. */
  readonly old: string;
}

/**
 * Moves what is in one folder to another: files are replaced, folders are merged, nothing else is touched. What is in the way shows before
 * anything moves, and when a move fails all that were made are taken back. Folders that their owner may not write to are opened
 * meanwhile; they keep their modes.
 *
 * @throws OutputError for what is in the way, else what the file system says
 */
export async function mergeFolder(merging: FolderMerge): Promise<void> {
  const opened = new Map<string, number>();
  try {
    const { dev } = await lstat(merging.from);
    await moveAll(await movesOf(merging, { dev, opened }), merging.old, opened);
  } finally {
    for (const [path, mode] of [...opened].toReversed()) await chmod(path, mode).catch(ignoreMissing);
  }
}

interface MergeCheck {
  /** The file system that everything has to be on. */
  readonly dev: number;
  /** Folders that were opened, and the modes that they get back. */
  readonly opened: Map<string, number>;
}

async function movesOf({ from, to }: Pick<FolderMerge, 'from' | 'to'>, looking: MergeCheck): Promise<readonly Move[]> {
  await openTarget(to, looking);
  // It is gone when all is done.
  await chmod(from, 0o700);
  const moves: Move[] = [];
  for (const { name } of await readdir(from, { withFileTypes: true })) {
    const source = join(from, name);
    const target = join(to, name);
    const status = await lstat(source);
    const present = await kindOfEntry(target);
    refuseConflict(target, { isFolder: status.isDirectory(), present });
    if (present === 'folder') moves.push(...(await movesOf({ from: source, to: target }, looking)));
    else {
      const mode = status.isDirectory() ? status.mode & 0o7777 : undefined;
      moves.push({ source, target, replaces: present === 'file', mode });
    }
  }
  return moves;
}

async function openTarget(path: string, { dev, opened }: MergeCheck): Promise<void> {
  const status = await lstat(path);
  if (status.dev !== dev) throw new OutputError(path, `Cannot write to "${path}": another file system is mounted there`);
  try {
    await access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    // Who owns a folder may open it; of another owner's, the first answer says more.
    await chmod(path, (status.mode & 0o7777) | 0o700).catch(() => {
      throw error;
    });
    opened.set(path, status.mode & 0o7777);
  }
}

function refuseConflict(path: string, found: { readonly isFolder: boolean; readonly present: EntryKind | undefined }): void {
  const { isFolder, present } = found;
  if (present === undefined || isFolder === (present === 'folder')) return;
  throw new OutputError(
    path,
    `Cannot write "${path}": it is a ${present} there and a ${isFolder ? 'folder' : 'file'} in the image`,
  );
}

type EntryKind = 'folder' | 'file';

// Links are not followed: what a link points at is not part of the folder.
async function kindOfEntry(path: string): Promise<EntryKind | undefined> {
  try {
    return (await lstat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    ignoreMissing(error);
    return undefined;
  }
}

async function moveAll(moves: readonly Move[], old: string, opened: Map<string, number>): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  await mkdir(old);
  try {
    for (const [index, { source, target, replaces, mode }] of moves.entries()) {
      const kept = join(old, String(index));
      if (replaces) {
        await keepOld(target, kept);
        undo.push(() => rename(kept, target));
      }
      if (mode !== undefined) {
        // A folder's own ".." is written when it moves. (rename(2), EACCES)
        opened.set(target, mode);
        await chmod(source, mode | 0o700);
      }
      await rename(source, target);
      if (!replaces) undo.push(() => rename(target, source));
    }
  } catch (error) {
    for (const back of undo.toReversed()) await back();
    throw error;
  }
}

/** Linked where that is possible, so that the file is never missing. */
async function keepOld(target: string, kept: string): Promise<void> {
  try {
    await link(target, kept);
  } catch {
    await rename(target, kept);
  }
}

function ignoreMissing(error: unknown): void {
  if (!hasErrno(error, 'ENOENT')) throw error;
}
