import { O_DIRECTORY, O_PATH, S_IFDIR, S_IFMT } from '../../../native/constants.ts';
import type { FileStatus } from '../../../native/files.ts';
import { bytesOfPath, joinPath, pathOfText, type RawPath, rawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import type { CopyGroup } from '../../protocol/actions.ts';
import { cleanPath, splitPath } from '../files/folder-cache.ts';
import { Refusal } from '../request/failure.ts';
import { locateInRoot, openInRoot } from '../root/resolve-in-root.ts';

/** Where a source goes, as paths below the root. Links in the folder are still to be followed. */
export type CopyTarget =
  /** A file under a name in a folder, which may not exist. A link of that name is replaced. */
  | { readonly kind: 'file'; readonly folder: RawPath; readonly name: RawPath }
  /** Everything goes into a folder, which may not exist. */
  | { readonly kind: 'folder'; readonly folder: RawPath };

/**
 * Decides where a source goes. A single file goes into the destination if that is a folder or ends with a slash, else becomes it; the
 * content of a folder goes into the destination. A destination that is a link stands for what it leads to, which need not exist.
 * `destination` is absolute.
 */
export function resolveTarget(rootFd: number, destination: string, group: CopyGroup): CopyTarget {
  const path = cleanPath(pathOfText(destination));
  const { existing, status, missing } = locateInRoot(rootFd, bytesOfPath(path));
  if (group.sourceType === 'directory' || group.keepsParents) {
    if (missing.length === 0 && !isDirectory(status)) {
      throw new Refusal('not-a-directory', `Cannot copy a folder to "/${textOfPath(path)}": the destination is a file`);
    }
    return { kind: 'folder', folder: path };
  }
  if (destination.endsWith('/') || (missing.length === 0 && isDirectory(status))) {
    return { kind: 'file', folder: path, name: rawPath(group.name) };
  }
  const { parent, name } = splitPath(missing.reduce(joinPath, existing));
  return { kind: 'file', folder: parent, name };
}

/** The folder that an archive is unpacked into: the destination, slash or not. */
export function archiveFolder(destination: string): RawPath {
  return cleanPath(pathOfText(destination));
}

function isDirectory({ mode }: FileStatus): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

/** Opens a folder of the destination, which exists. */
export function openFolderInRoot(rootFd: number, folder: RawPath): number {
  return openInRoot(rootFd, bytesOfPath(folder), O_PATH | O_DIRECTORY);
}
