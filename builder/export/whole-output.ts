import { open, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OutputError } from '../errors.ts';
import { systemWords } from '../system-reason.ts';
import { isTemporary, withTemporaryFolder } from './temporary-folder.ts';

/**
 * Lets `write` make a file or folder in a temporary folder beside `destination`, and renames it when it is complete and on the disk. When
 * `write` throws, or the process exits, nothing stays. An existing file is replaced; an existing folder must be empty to be replaced by a
 * folder.
 *
 * @throws OutputError when the file system refuses; whatever else `write` throws
 */
export async function writeWhole(destination: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const parent = dirname(destination);
  try {
    await withTemporaryFolder(parent, basename(destination), async (folder) => {
      const temporary = join(folder, 'new');
      await write(temporary);
      await syncPath(temporary);
      await rename(temporary, destination);
      await syncPath(parent);
    });
  } catch (error) {
    throw outputFailure(destination, error);
  }
}

/** A file system's error as an OutputError; anything else unchanged. */
export function outputFailure(destination: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const reason = systemWords(error);
  const { path } = error;
  const isAbout = path === undefined || isTemporary(path) || [dirname(path), path].includes(dirname(destination));
  const source = isAbout ? undefined : path;
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
