import { O_DIRECTORY, O_PATH, S_IFDIR, S_IFLNK, S_IFMT } from '../../../native/constants.ts';
import { close, type FileStatus, readlinkat } from '../../../native/files.ts';
import { bytesOfPath, pathOfText, type RawPath, rawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import type { CopyGroup } from '../../protocol/actions.ts';
import { Refusal } from '../failure.ts';
import { cleanPath, splitPath } from '../layer/folder-cache.ts';
import { openInRoot, openParentInRoot, statInRoot } from '../resolve-in-root.ts';

/** Where a source goes, as paths below the root whose links are not followed yet. */
export type CopyTarget =
  /** A file under a name in a folder, which may not exist. */
  | { readonly kind: 'file'; readonly folder: RawPath; readonly name: RawPath }
  /** Everything goes into a folder, which may not exist. */
  | { readonly kind: 'folder'; readonly folder: RawPath };

/**
 * Decides where a source goes. A single file goes into the destination if that is a folder or ends with a slash, else becomes it; the
 * content of a folder goes into the destination. `destination` is absolute.
 */
export function resolveTarget(rootFd: number, destination: string, group: CopyGroup): CopyTarget {
  const path = cleanPath(pathOfText(destination));
  const isFolder = destination.endsWith('/');
  if (group.sourceType === 'directory' || group.keepsParents) {
    if (!isFolder) {
      checkFolder(rootFd, path);
    }
    return { kind: 'folder', folder: path };
  }
  return isFolder || isDirectory(statInRoot(rootFd, bytesOfPath(path)))
    ? { kind: 'file', folder: path, name: rawPath(group.name) }
    : { kind: 'file', folder: splitPath(path).parent, name: splitPath(path).name };
}

/** The folder that an archive is unpacked into: the destination, slash or not. */
export function archiveFolder(destination: string): RawPath {
  return cleanPath(pathOfText(destination));
}

/** A folder may be copied to what does not exist and to a folder; not even to a link to a folder, as in BuildKit. */
function checkFolder(rootFd: number, path: RawPath): void {
  const status = path === '' ? undefined : statInRoot(rootFd, bytesOfPath(path), { follow: false });
  if (status === undefined || isDirectory(status)) {
    return;
  }
  const text = textOfPath(path);
  if ((status.mode & S_IFMT) !== S_IFLNK) {
    throw new Refusal('not-a-directory', `Cannot copy a folder to "/${text}": the destination is a file`);
  }
  throw new Refusal(
    'not-a-directory',
    `Cannot copy a folder to "/${text}": the destination is a symbolic link to "${linkTarget(rootFd, path)}"`,
    `End the destination with a slash to copy into the folder that the link leads to: "/${text}/"`,
  );
}

function linkTarget(rootFd: number, path: RawPath): string {
  const { fd, name } = openParentInRoot(rootFd, bytesOfPath(path));
  try {
    return readlinkat(fd, name).toString();
  } finally {
    close(fd);
  }
}

function isDirectory(status: FileStatus | undefined): boolean {
  return status !== undefined && (status.mode & S_IFMT) === S_IFDIR;
}

/** Opens a folder of the destination, which exists. */
export function openFolderInRoot(rootFd: number, folder: RawPath): number {
  return openInRoot(rootFd, bytesOfPath(folder), O_PATH | O_DIRECTORY);
}
