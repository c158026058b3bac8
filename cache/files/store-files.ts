import { randomUUID } from 'node:crypto';
import { closeSync, constants, type Dirent, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf, hasErrno, isMissing } from '../../registry/oci/thrown.ts';

/** Only the owner looks into the store: it holds what builds saw. */
export const folderMode = 0o700;
export const fileMode = 0o600;

/** Makes a folder and those on the way to it, unless they are there. @throws what mkdir(2) fails with */
export async function makeFolder(folder: string, mode: number = folderMode): Promise<void> {
  // Node's own recursion never ends where mkdir(2) says ENOENT in a folder that exists, as below /proc.
  if (await isMade(folder, mode)) return;
  await makeFolder(path.dirname(folder), mode);
  if (!(await isMade(folder, mode))) await mkdir(folder, mode);
}

/** False when the folder above is missing. */
async function isMade(folder: string, mode: number): Promise<boolean> {
  try {
    await mkdir(folder, mode);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' && path.dirname(folder) !== folder) return false;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return true;
    throw error;
  }
}

/**
 * Writes a file so that readers see the old content or the new, never a part, also after a power cut. `sync: false` leaves the
 * syncing to a later group sync.
 */
export async function writeAtomically(
  file: string,
  content: string | Uint8Array | Iterable<Uint8Array>,
  options: { readonly sync?: boolean } = {},
): Promise<void> {
  const temporary = await writeTemporary(path.dirname(file), content, options);
  try {
    await renameOver(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Writes a new file in a folder (made when it is missing), to be renamed later. */
export async function writeTemporary(
  folder: string,
  content: string | Uint8Array | Iterable<Uint8Array>,
  options: { readonly sync?: boolean } = {},
): Promise<string> {
  const temporary = path.join(folder, `${temporaryPrefix}${randomUUID()}`);
  const handle = await openNew(temporary);
  try {
    for (const piece of typeof content === 'string' || content instanceof Uint8Array ? [content] : content) {
      await handle.writeFile(piece);
    }
    if (options.sync !== false) await handle.datasync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return temporary;
}

/** Marks files that are not complete. They are never read and can go when no build runs. */
export const temporaryPrefix = '.new-';

/** What lstat(2) says of a path; undefined when nothing is there. A link in the store is none of ours, whatever it leads to. */
export async function statIfThere(file: string): Promise<Stats | undefined> {
  try {
    return await lstat(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** What is in a folder: nothing when it is not there. */
export async function entriesIn(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** A file's bytes; undefined when there is none. What else has its place (a link, a folder, a pipe) has none. */
export async function readIfThere(file: string): Promise<Buffer | undefined> {
  return (await readWithTime(file))?.bytes;
}

/** What a file holds, and when it was written or said to be used, in milliseconds since the epoch. */
export interface TimedBytes {
  readonly bytes: Buffer;
  readonly timeMs: number;
}

/** As readIfThere(), with the time. */
export async function readWithTime(file: string): Promise<TimedBytes | undefined> {
  const small = readSmall(file);
  if (small !== 'large') return small;
  const opened = await openIfThere(file);
  if (opened === undefined) return undefined;
  if (opened === 'no file') return noFile;
  await using handle = opened;
  const { mtimeMs } = await handle.stat();
  return { bytes: await handle.readFile(), timeMs: mtimeMs };
}

const noFile: TimedBytes = { bytes: Buffer.alloc(0), timeMs: 0 };

/**
 * Reads a small file at once: a build in which nothing changed reads two for each step, and the thread pool takes several times as long as the
 * kernel, most of it to wake up.
 */
function readSmall(file: string): TimedBytes | undefined | 'large' {
  let fd: number | undefined;
  try {
    fd = openSync(file, neverFollowed);
    const status = fstatSync(fd);
    if (!status.isFile()) return noFile;
    return status.size > smallBytes ? 'large' : { bytes: readBytes(fd, status.size), timeMs: status.mtimeMs };
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (isNoFile(error)) return noFile;
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Files of the store do not grow. One that became shorter is damaged. */
function readBytes(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let length = 0;
  for (let read = -1; read !== 0 && length < size; length += read) read = readSync(fd, bytes, length, size - length, null);
  return bytes.subarray(0, length);
}

const smallBytes = 64 * 1024;

/** A link and a socket. (open(2)) */
function isNoFile(error: unknown): boolean {
  return hasErrno(error, 'ELOOP', 'ENXIO');
}

/**
 * Opens a file of the store to read it; undefined when nothing is there. A link in its place is not followed, and a pipe is not waited for:
 * both are 'no file', as is whatever else is none.
 */
export async function openIfThere(file: string): Promise<FileHandle | 'no file' | undefined> {
  try {
    const handle = await open(file, neverFollowed);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    return 'no file';
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (isNoFile(error)) return 'no file';
    throw error;
  }
}

/** How to open a file of ours that something else may have replaced. */
const neverFollowed: number = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Gives a new file its name, whatever has it. */
export async function renameOver(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!hasErrno(error, 'EISDIR')) throw error;
    await rm(to, { force: true, recursive: true });
    await rename(from, to);
  }
}

async function openNew(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'wx', fileMode);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await makeFolder(path.dirname(file));
    return open(file, 'wx', fileMode);
  }
}
