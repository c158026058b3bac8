import { randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { hasErrno, isMissing } from '../../registry/oci/thrown.ts';
import { fileMode, folderMode, makeFolder, temporaryPrefix } from './store-files.ts';

// Every step writes several files of some hundred bytes. Such a call ends in the page cache and takes microseconds; a job of the thread
// pool for it takes a hundred of them.

/** Writes a small file that nobody else knows of yet, unsynced. */
export function writeSmallFile(file: string, content: string): void {
  writeFileSync(file, content, { mode: fileMode });
}

/** Writes a new file in a folder that is there, to be renamed later, unsynced. */
export function writeSmallTemporary(folder: string, content: string): string {
  const temporary = path.join(folder, `${temporaryPrefix}${randomUUID()}`);
  try {
    writeFileSync(temporary, content, { mode: fileMode, flag: 'wx' });
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return temporary;
}

/** As renameOver(), for a file that has another one's place as a rule. */
export function renameSmallFile(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!hasErrno(error, 'EISDIR')) throw error;
    rmSync(to, { force: true, recursive: true });
    renameSync(from, to);
  }
}

/** Makes a folder whose parent is mostly there, unless it is there itself. */
export async function makeSmallFolder(folder: string): Promise<void> {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  try {
    mkdirSync(folder, folderMode);
  } catch (error) {
    if (!isMissing(error) && !hasErrno(error, 'EEXIST')) throw error;
    await makeFolder(folder);
  }
}

/** False also for a link to a folder. */
export function isFolder(folder: string): boolean {
  try {
    return lstatSync(folder).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
