import { constants } from 'node:fs';
import { access, lstat, mkdtemp, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeFolder } from '../../cache/files.ts';
import { OutputError, UsageError } from '../errors.ts';
import type { Output } from '../options.ts';
import { kindAt, outputFailure, temporaryName, withTemporary, writeWhole } from './whole-output.ts';

/** The outputs that are the files of the image, without the image. */
export type TreeOutput = Extract<Output, { kind: 'local' | 'tar' }>;

export interface TreeExportOptions {
  /** Asks the worker: a new folder or a new tar file at this absolute path. */
  readonly write: (form: 'directory' | 'tar', path: string) => Promise<void>;
  /** A folder of the caller's for an archive on its way to standard output. */
  readonly temporaryFolder: string;
  readonly stdout?: (NodeJS.WritableStream & { readonly isTTY?: boolean }) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes the files of an image to a folder or a tar. A folder that exists is added to, as docker buildx does: files are replaced, folders
 * are merged, nothing is removed. That is decided before the first file is moved, so a conflict leaves the folder as it was.
 *
 * @throws OutputError, UsageError, whatever `write` throws
 */
export async function exportTree(output: TreeOutput, options: TreeExportOptions): Promise<void> {
  if (output.kind === 'local') return toFolder(resolve(output.destination), options.write);
  if (output.destination === '-') return toStandardOutput(options);
  return toArchive(resolve(output.destination), options.write);
}

async function toFolder(destination: string, write: TreeExportOptions['write']): Promise<void> {
  const kind = await kindAt(destination);
  if (kind === undefined) {
    await makeParent(destination);
    return writeWhole(destination, (temporary) => write('directory', temporary));
  }
  if (kind !== 'folder') throw new UsageError('--output', `Cannot write files to "${destination}": it is not a folder`);
  // Inside it, because it may be a mount of its own, and a rename does not leave a file system.
  const temporary = join(destination, temporaryName('files'));
  await withTemporary(temporary, async () => {
    try {
      await access(destination, constants.W_OK);
      await write('directory', temporary);
      await refuseConflicts(temporary, destination);
      await merge(temporary, destination);
    } catch (error) {
      throw outputFailure(destination, error);
    }
  });
}

async function makeParent(destination: string): Promise<void> {
  try {
    await makeFolder(dirname(destination), 0o777);
  } catch (error) {
    throw outputFailure(destination, error);
  }
}

async function refuseConflicts(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const present = await kindOfEntry(to, entry.name);
    if (present === undefined) continue;
    const path = join(to, entry.name);
    if (entry.isDirectory() !== (present === 'folder')) {
      throw new OutputError(
        path,
        `Cannot write "${path}": it is a ${present} there and a ${entry.isDirectory() ? 'folder' : 'file'} in the image`,
      );
    }
    if (entry.isDirectory()) await refuseConflicts(join(from, entry.name), path);
  }
}

async function merge(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    const isMerged = entry.isDirectory() && (await kindOfEntry(to, entry.name)) !== undefined;
    if (isMerged) await merge(source, target);
    else await rename(source, target);
  }
  await rmdir(from);
}

// Links are not followed: what a link points at is not part of the folder.
async function kindOfEntry(folder: string, name: string): Promise<'folder' | 'file' | undefined> {
  try {
    return (await lstat(join(folder, name))).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function toArchive(destination: string, write: TreeExportOptions['write']): Promise<void> {
  if ((await kindAt(destination)) === 'folder') {
    throw new UsageError('--output', `Cannot write a tar to "${destination}": it is a folder`, {
      hint: `Name a file: dest=${join(destination, `${basename(destination)}.tar`)}`,
    });
  }
  return writeWhole(destination, (temporary) => write('tar', temporary));
}

async function toStandardOutput({ write, temporaryFolder, stdout, signal }: TreeExportOptions): Promise<void> {
  if (stdout === undefined || stdout.isTTY === true) {
    throw new UsageError('--output', 'Cannot write a tar to the terminal', { hint: 'Redirect it: tsbuild -o - ... > files.tar' });
  }
  const folder = await mkdtemp(join(temporaryFolder, 'tar-'));
  try {
    const path = join(folder, 'files.tar');
    await write('tar', path);
    await using handle = await open(path);
    await pipeline(handle.createReadStream({ autoClose: false }), stdout, { end: false });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
