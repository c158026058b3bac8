import type { ReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeFolder } from '../../cache/files/store-files.ts';
import type { Output } from '../contract/options.ts';
import { checkDestinations } from './check-destination.ts';
import { mergeFolder } from './merge-folder.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { kindAt, outputFailure, toDevice, writeWhole } from './whole-output.ts';

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
  await checkDestinations([output], options);
  const destination = resolve(output.destination);
  if (output.kind === 'local') return toFolder(destination, options.write);
  if (output.destination === '-') return toStandardOutput(options);
  // A pipe or a device has no temporary name.
  if ((await kindAt(destination)) === 'other') {
    return throughTemporary(options, (tar) => toDevice(destination, tar, options.signal));
  }
  return writeWhole(destination, (temporary) => options.write('tar', temporary));
}

async function toFolder(destination: string, write: TreeExportOptions['write']): Promise<void> {
  if ((await kindAt(destination)) === undefined) {
    await makeParent(destination);
    return writeWhole(destination, (temporary) => write('directory', temporary));
  }
  // Inside it, because it may be a mount of its own, and a rename does not leave a file system.
  try {
    await withTemporaryFolder(destination, 'files', async (temporary) => {
      const from = join(temporary, 'new');
      await write('directory', from);
      await mergeFolder({ from, to: destination, old: join(temporary, 'old') });
    });
  } catch (error) {
    throw outputFailure(destination, error);
  }
}

async function makeParent(destination: string): Promise<void> {
  try {
    await makeFolder(dirname(destination), 0o777);
  } catch (error) {
    throw outputFailure(destination, error);
  }
}

async function toStandardOutput(options: TreeExportOptions): Promise<void> {
  const { stdout } = options;
  if (stdout === undefined) throw new Error('an output goes to standard output, which is not there');
  return throughTemporary(options, (tar) => pipeline(tar, stdout, { end: false }));
}

/** The worker writes files alone. */
async function throughTemporary(
  { write, temporaryFolder, signal }: TreeExportOptions,
  send: (tar: ReadStream) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(temporaryFolder, 'tar-'));
  try {
    const path = join(folder, 'files.tar');
    await write('tar', path);
    await using handle = await open(path);
    await send(handle.createReadStream({ autoClose: false }));
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
