import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { RegistryError } from '../errors/registry-error.ts';
import { DecompressError } from '../oci/compression/decompress-error.ts';
import { fileBytes } from '../oci/files/file-bytes.ts';
import { TarError } from '../oci/tar/tar-error.ts';
import { errnoOf, hasErrno, reasonOf } from '../oci/thrown.ts';

/** One file of a layout folder or an archive. */
export interface StoredFile {
  readonly size: number;
  /** The bytes from an offset on. */
  read(offset: number): AsyncIterable<Uint8Array>;
}

/** Files by name, wherever they are kept. Names are relative, with slashes: `blobs/sha256/...`. */
export interface StoredFiles {
  /** For messages: `oci-layout:./base`. */
  readonly title: string;
  find(name: string): Promise<StoredFile | undefined>;
}

/** The files of a folder. */
export function folderFiles(folder: string, title: string): StoredFiles {
  return {
    title,
    async find(name) {
      const file = path.join(folder, name);
      const status = await statOptional(file, title);
      return status?.isFile() === true ? { size: status.size, read: (start) => fileBytes(file, { start }) } : undefined;
    },
  };
}

/** What is expected where images are read, as a hint. */
export const readableImages = 'Images are read as OCI layouts, OCI archives, or archives of docker save, plain or compressed';

/** Reads a small file whole; undefined when it is not there. @throws RegistryError `too-large` */
export async function readSmall(files: StoredFiles, name: string, limit: number): Promise<Buffer | undefined> {
  const file = await files.find(name);
  if (file === undefined) return undefined;
  if (file.size > limit) {
    const message = `Cannot read "${name}" of ${files.title}: it has ${file.size} bytes, more than the ${limit} allowed`;
    throw new RegistryError('too-large', message, { side: 'client' });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.read(0)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The state of a path; undefined when nothing is there. @throws RegistryError `archive` */
export async function statOptional(file: string, title: string): Promise<Stats | undefined> {
  try {
    return await stat(file);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG')) return undefined;
    throw unreadableArchive(title, error);
  }
}

const accessWords: Readonly<Record<string, string | undefined>> = {
  EACCES: 'permission denied',
  EPERM: 'the system does not permit it',
};

/** The error for a folder or archive that the system does not let us read, or that is damaged. */
export function unreadableArchive(title: string, error: unknown): RegistryError {
  const why = accessWords[errnoOf(error) ?? ''];
  if (why === undefined) {
    const reason = reasonOf(error).replace('Cannot read archive: ', '');
    const hint = error instanceof TarError || error instanceof DecompressError ? readableImages : undefined;
    return new RegistryError('archive', `Cannot read ${title}: ${reason}`, { side: 'client', cause: error, hint });
  }
  const hint = 'You must be able to read it, and to enter the folders that lead to it';
  return new RegistryError('archive', `Cannot read ${title}: ${why}`, { side: 'client', hint });
}
