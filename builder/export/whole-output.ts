import { randomBytes } from 'node:crypto';
import { open, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { removeTree } from '../../cache/remove-tree.ts';
import { OutputError } from '../errors.ts';
import { systemWords } from '../system-reason.ts';

/**
 * Lets `write` make a file or folder under a temporary name beside `destination`, and renames it when it is complete and on the disk. When
 * `write` throws, or the process exits, nothing stays. An existing file is replaced; an existing folder must be empty to be replaced by a
 * folder.
 *
 * @throws OutputError when the file system refuses; whatever else `write` throws
 */
export async function writeWhole(destination: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = join(dirname(destination), temporaryName(basename(destination)));
  await withTemporary(temporary, async () => {
    try {
      await write(temporary);
      await syncPath(temporary);
      await rename(temporary, destination);
      await syncPath(dirname(destination));
    } catch (error) {
      throw outputFailure(destination, error);
    }
  });
}

/** Runs `use`; afterwards, and when the process exits before, whatever is at `temporary` is removed. */
export async function withTemporary(temporary: string, use: () => Promise<void>): Promise<void> {
  // A second Ctrl-C does not wait for promises.
  const removeNow = (): void => removeTree(temporary);
  process.once('exit', removeNow);
  try {
    await use();
  } catch (error) {
    // Where nothing could be written nothing can be removed, which is not the news.
    ifPossible(removeNow);
    throw error;
  } finally {
    process.off('exit', removeNow);
  }
  removeNow();
}

function ifPossible(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}

/** A name that hides from listings and meets no other build's. */
export function temporaryName(base: string): string {
  // Names end at 255 bytes. (NAME_MAX)
  return `.${base.slice(0, 60)}.tsbuild-${randomBytes(6).toString('hex')}`;
}

/** A file system's error as an OutputError; anything else unchanged. */
export function outputFailure(destination: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const reason = systemWords(error);
  const isAbout = error.path === undefined || [dirname(error.path), error.path].includes(dirname(destination));
  const source = isAbout ? undefined : error.path;
  const what = destination === '-' ? 'to standard output' : `"${destination}"`;
  return new OutputError(destination, `Cannot write ${what}: ${source === undefined ? '' : `${source}: `}${reason}`, {
    cause: error,
    hint: source === undefined ? hintFor(error.code, destination) : undefined,
  });
}

/** Makes a file or folder durable. */
export async function syncPath(path: string): Promise<void> {
  await using handle = await open(path, 'r');
  await handle.sync();
}

/** What is at a path, following links; undefined for nothing. Throws OutputError when that cannot be known. */
export async function kindAt(path: string): Promise<'file' | 'folder' | 'other' | undefined> {
  try {
    const status = await stat(path);
    if (status.isDirectory()) return 'folder';
    return status.isFile() ? 'file' : 'other';
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined;
    throw outputFailure(path, error);
  }
}

function isSystemError(error: unknown): error is Error & { readonly code: string; readonly path?: string } {
  return error instanceof Error && 'code' in error && 'syscall' in error && typeof error.code === 'string';
}

function hintFor(code: string, destination: string): string | undefined {
  switch (code) {
    case 'ENOENT':
      return `Make the folder first: mkdir -p ${dirname(destination)}`;
    case 'ENOSPC':
    case 'EDQUOT':
      return 'Free some space, or write to another disk';
    default:
      return undefined;
  }
}
