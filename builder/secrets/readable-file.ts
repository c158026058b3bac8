import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { UsageError } from '../contract/errors.ts';
import { systemReason } from '../show/system-reason.ts';

interface Readable {
  readonly kind: 'file' | 'folder';
  /** For the message; default: its path. */
  readonly what?: string;
}

/** @throws UsageError for a file or folder that is not there, is the other of the two, or cannot be read */
export async function checkReadable(flag: string, path: string, { kind, what }: Readable): Promise<void> {
  const why = await troubleWith(path, kind);
  if (why !== undefined) throw new UsageError(flag, `Cannot read ${what ?? `"${path}"`}: ${why}`, { hint: `Check ${flag}` });
}

/** Why a file or folder cannot be read. Pipes are files: shells give them for `<(command)`. */
async function troubleWith(path: string, kind: 'file' | 'folder'): Promise<string | undefined> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    if (isFolder !== (kind === 'folder')) return isFolder ? 'it is a folder' : 'it is not a folder';
    await access(path, isFolder ? constants.R_OK | constants.X_OK : constants.R_OK);
    return undefined;
  } catch (error) {
    return systemReason(error);
  }
}
