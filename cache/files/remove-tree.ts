import { chmodSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { hasErrno } from '../../registry/oci/thrown.ts';

/**
 * Removes a folder with all that is in it, as far as this user may: folders of ours that nobody may read (overlayfs leaves such) are opened
 * first. Missing folders are fine.
 *
 * @throws when files of other ids are left
 */
export function removeTree(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    if (!hasErrno(error, 'EACCES')) throw error;
    openFolders(folder);
    rmSync(folder, { recursive: true, force: true });
  }
}

function openFolders(folder: string): void {
  chmodSync(folder, 0o700);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) openFolders(path.join(folder, entry.name));
  }
}
