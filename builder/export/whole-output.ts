import { constants, open as openCallback } from 'node:fs';
import { open, realpath, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { hasErrno, isSystemError } from '../../registry/oci/thrown.ts';
import { OutputError } from '../contract/errors.ts';
import { systemWords } from '../show/system-reason.ts';
import { isTemporary, withTemporaryFolder } from './temporary-folder.ts';

const openDescriptor = promisify(openCallback);

/**
 * Lets `write` make a file or folder in a temporary folder beside `destination`, and renames it when it is complete and on the disk. When
 * `write` throws, or the process exits, nothing stays. An existing file is replaced, and not a link to it; an existing folder must be empty to
 * be replaced by a folder. Not for devices and pipes, which cannot be replaced.
 *
 * @throws OutputError when the file system refuses; whatever else `write` throws
 */
export async function writeWhole(destination: string, write: (temporary: string) => Promise<void>): Promise<void> {
  try {
    const place = await pathBehindLinks(destination);
    const parent = dirname(place);
    await withTemporaryFolder(parent, basename(place), async (folder) => {
      const temporary = join(folder, 'new');
      await write(temporary);
      await syncPath(temporary);
      await rename(temporary, place);
      await syncPath(parent);
    });
  } catch (error) {
    throw outputFailure(destination, error);
  }
}

/**
 * Makes a file that has the right content already what writeWhole() would have made: durable, and new by its times. False, and nothing done, where
 * it is another's, has another mode or another name too.
 */
export async function renewed(destination: string): Promise<boolean> {
  const { uid, mode, nlink } = await stat(destination);
  if (uid !== process.geteuid?.() || (mode & 0o7777) !== (0o666 & ~process.umask()) || nlink !== 1) return false;
  try {
    await syncPath(destination);
    await utimes(destination, new Date(), new Date());
    return true;
  } catch (error) {
    throw outputFailure(destination, error);
  }
}

/** Writes a text as a whole file, or into the device or pipe that is there. @throws OutputError, and the signal's reason */
export async function writeText(destination: string, text: string, signal?: AbortSignal): Promise<void> {
  if ((await kindAt(destination)) !== 'other') return writeWhole(destination, (temporary) => writeFile(temporary, text));
  return toDevice(destination, [text], signal);
}

/** Writes into a device or pipe. @throws OutputError when the file system refuses; what `bytes` throws; the signal's reason */
export async function toDevice(
  destination: string,
  bytes: AsyncIterable<Uint8Array> | Iterable<string>,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const ending = signal === undefined ? {} : { signal };
    await pipeline(Readable.from(bytes), await openDevice(destination, signal), ending);
  } catch (error) {
    signal?.throwIfAborted();
    throw outputFailure(destination, error);
  }
}

const betweenTriesMs = 50;

/**
 * A pipe is opened and written by the event loop: a thread that is blocked in open(2), for want of a reader, or in write(2) would keep the process
 * from ending. (ENXIO in fifo(7))
 */
async function openDevice(destination: string, signal: AbortSignal | undefined): Promise<Writable> {
  if (!(await stat(destination)).isFIFO()) return (await open(destination, constants.O_WRONLY)).createWriteStream();
  for (;;) {
    try {
      return new Socket({ fd: await openDescriptor(destination, constants.O_WRONLY | constants.O_NONBLOCK), readable: false });
    } catch (error) {
      if (!hasErrno(error, 'ENXIO')) throw error;
      await delay(betweenTriesMs, undefined, { signal });
    }
  }
}

/** What links at a path lead to. */
export async function pathBehindLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return path;
    throw error;
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

/** What is at a path, following links; undefined for nothing. @throws OutputError when that cannot be known */
export async function kindAt(path: string): Promise<'file' | 'folder' | 'other' | undefined> {
  try {
    const status = await stat(path);
    if (status.isDirectory()) return 'folder';
    return status.isFile() ? 'file' : 'other';
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw outputFailure(path, error);
  }
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
