import { constants, copyFile, link, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../cache/files/store-files.ts';
import { type Descriptor, nameAnnotations } from '../../registry/oci/descriptor.ts';
import { hasErrno } from '../../registry/oci/thrown.ts';
import { OutputError } from '../contract/errors.ts';
import type { BuiltImage } from '../image/built-image.ts';
import { checkLayout } from './check-destination.ts';
import {
  blobFiles,
  indexEntries,
  indexFile,
  indexText,
  type LayoutFile,
  layoutFolders,
  markerFile,
  markerText,
} from './layout-files.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { kindAt, outputFailure, syncPath, writeWhole } from './whole-output.ts';

/**
 * Writes an image layout as a folder. A folder that is an image layout already gets the image added: blobs first, `index.json` last and in
 * one step, names that it had are taken over. Any other folder must be empty.
 *
 * @throws OutputError, UsageError, the signal's reason
 */
export async function writeLayoutFolder(
  image: BuiltImage,
  destination: string,
  { signal }: { readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if ((await checkLayout(destination)) === 'new') {
    return writeWhole(destination, async (temporary) => {
      await writeBlobs(image, temporary, signal);
      await writeDurably(join(temporary, indexFile), indexText(indexEntries(image)));
      await writeDurably(join(temporary, markerFile), markerText);
    });
  }
  const present = await readIndex(destination);
  try {
    await writeBlobs(image, destination, signal);
    const index = indexText(mergedEntries(present, indexEntries(image)));
    await writeWhole(join(destination, indexFile), (temporary) => writeFile(temporary, index));
  } catch (error) {
    throw outputFailure(destination, error);
  }
}

async function readIndex(destination: string): Promise<readonly unknown[]> {
  try {
    const index: unknown = JSON.parse(await readFile(join(destination, indexFile), 'utf8'));
    if (typeof index === 'object' && index !== null && 'manifests' in index && Array.isArray(index.manifests)) {
      return index.manifests;
    }
  } catch (error) {
    throw new OutputError(destination, `Cannot add to the image layout "${destination}": its index.json cannot be read`, {
      cause: error,
    });
  }
  throw new OutputError(destination, `Cannot add to the image layout "${destination}": its index.json is not an image index`);
}

function mergedEntries(present: readonly unknown[], added: readonly Descriptor[]): readonly Descriptor[] {
  const names = new Set(added.map((entry) => entry.annotations?.[nameAnnotations.layout]));
  const digests = new Set(added.map((entry) => entry.digest as string));
  const kept = present.filter(isDescriptor).filter((entry) => {
    const name = entry.annotations?.[nameAnnotations.layout];
    return name === undefined ? !digests.has(entry.digest) : !names.has(name);
  });
  return [...kept, ...added];
}

function isDescriptor(value: unknown): value is Descriptor {
  return typeof value === 'object' && value !== null && 'digest' in value && 'mediaType' in value && 'size' in value;
}

async function writeBlobs(image: BuiltImage, folder: string, signal: AbortSignal | undefined): Promise<void> {
  await makeFolder(folder, 0o777);
  const files = blobFiles(image);
  const folders = layoutFolders(files).map((path) => join(folder, path));
  for (const path of folders) await makeFolder(path, 0o777);
  for (const file of files) {
    signal?.throwIfAborted();
    await writeBlob(join(folder, file.path), file);
  }
  for (const path of folders) await syncPath(path);
}

// A blob's name is its content, so one that is there already stays.
async function writeBlob(path: string, file: LayoutFile): Promise<void> {
  if ((await kindAt(path)) !== undefined) return;
  await withTemporaryFolder(join(path, '..'), 'blob', async (folder) => {
    const temporary = join(folder, 'new');
    if ('bytes' in file) await writeFile(temporary, file.bytes, { flag: 'wx' });
    else if (file.temporary === undefined) await writeFile(temporary, file.read(), { flag: 'wx' });
    else if (!(await isLinked(file.temporary, temporary))) {
      await copyFile(file.temporary, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    }
    await syncPath(temporary);
    await rename(temporary, path);
  });
}

/** False where the file system does not do it, or is another one. */
async function isLinked(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target);
    return true;
  } catch (error) {
    if (hasErrno(error, 'EXDEV', 'EPERM', 'EOPNOTSUPP', 'EMLINK')) return false;
    throw error;
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: 'wx' });
  await syncPath(path);
}
