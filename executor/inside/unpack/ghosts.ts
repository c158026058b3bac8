import { AT, AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, RESOLVE } from '../../../native/constants.ts';
import { close, fstatat, fstatatIfExists, openat, openat2, readDirectory, unlinkat } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { getXattr } from '../../../native/xattrs.ts';
import { type Pace } from '../../../registry/oci/pace.ts';
import { bytesOfPath, folderOf, joinPath, nameOf, pathOfBytes, type RawPath } from '../../../registry/oci/raw-path.ts';
import { isWhiteout, opaqueXattr } from '../layer/whiteouts.ts';

interface Layers {
  /** The layer folder that the whiteouts are in. */
  readonly rootFd: number;
  /** The layer folders below, lowest first. */
  readonly lowers: readonly string[];
}

/**
 * Removes whiteouts that delete nothing. Where a folder is in one layer alone, overlayfs shows it as it is: such a whiteout would be listed
 * there, and could not be opened. (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories")
 */
export async function removeGhosts(whiteouts: readonly RawPath[], layers: Layers, pace: Pace): Promise<void> {
  for (const [folder, names] of namesByFolder(whiteouts)) {
    const own = openFolder(layers.rootFd, folder);
    if (own.fd === undefined) continue;
    const below = own.isLast ? [] : foldersBelow(folder, layers.lowers);
    try {
      for (const name of names) {
        if (pace.isDue()) await pace.turn();
        const status = fstatatIfExists(own.fd, name, AT.SYMLINK_NOFOLLOW);
        const isGhost = status !== undefined && isWhiteout(status) && !hasContent(below, name);
        if (isGhost) unlinkat(own.fd, name);
      }
    } finally {
      for (const fd of [own.fd, ...below]) close(fd);
    }
  }
}

/** The first of some whiteouts for which the layer has no device that something below shows for. Nothing is removed. */
export async function findUncovered(whiteouts: readonly RawPath[], layers: Layers, pace: Pace): Promise<RawPath | undefined> {
  for (const [folder, names] of namesByFolder(whiteouts)) {
    const own = openFolder(layers.rootFd, folder);
    const below = own.isLast ? [] : foldersBelow(folder, layers.lowers);
    try {
      for (const name of names) {
        if (pace.isDue()) await pace.turn();
        if (hasContent(below, name)) return joinPath(folder, pathOfBytes(name));
      }
    } finally {
      for (const fd of [...(own.fd === undefined ? [] : [own.fd]), ...below]) close(fd);
    }
  }
  return undefined;
}

/**
 * The first path of the layers below that is hidden by one of some opaque folders of a layer, and that the layer says nothing of: `isTold`.
 */
export async function findHidden(
  opaque: readonly RawPath[],
  layers: Layers,
  { isTold, pace }: { readonly isTold: (path: RawPath) => boolean; readonly pace: Pace },
): Promise<RawPath | undefined> {
  for (const path of opaque) {
    const below = foldersBelow(path, layers.lowers);
    try {
      for (const [name, fd] of namesIn(below)) {
        if (pace.isDue()) await pace.turn();
        const isThere = !isWhiteout(fstatat(fd, bytesOfPath(name), AT.SYMLINK_NOFOLLOW));
        if (isThere && !isTold(joinPath(path, name))) return joinPath(path, name);
      }
    } finally {
      for (const fd of below) close(fd);
    }
  }
  return undefined;
}

/** Each name in folders that are merged, topmost first, with the folder that it shows in. */
function namesIn(folders: readonly number[]): ReadonlyMap<RawPath, number> {
  const found = new Map<RawPath, number>();
  for (const folder of folders) {
    const readable = openat(folder, '.', O_RDONLY | O_DIRECTORY);
    try {
      for (const { name } of readDirectory(readable)) {
        const path = pathOfBytes(name);
        if (!found.has(path)) found.set(path, folder);
      }
    } finally {
      close(readable);
    }
  }
  return found;
}

function namesByFolder(paths: readonly RawPath[]): ReadonlyMap<RawPath, readonly Buffer[]> {
  const found = new Map<RawPath, Buffer[]>();
  for (const path of paths) {
    const names = found.get(folderOf(path)) ?? [];
    found.set(folderOf(path), names);
    names.push(bytesOfPath(nameOf(path)));
  }
  return found;
}

/** The topmost layer that says something of a name decides. */
function hasContent(folders: readonly number[], name: Buffer): boolean {
  for (const fd of folders) {
    const status = fstatatIfExists(fd, name, AT.SYMLINK_NOFOLLOW);
    if (status !== undefined) return !isWhiteout(status);
  }
  return false;
}

/** The folders that overlayfs merges at a path, topmost first. */
function foldersBelow(path: RawPath, lowers: readonly string[]): readonly number[] {
  const found: number[] = [];
  for (const lower of lowers.toReversed()) {
    const rootFd = openat(AT_FDCWD, lower, O_PATH | O_DIRECTORY);
    try {
      const { fd, isLast } = openFolder(rootFd, path);
      if (fd !== undefined) found.push(fd);
      if (isLast) break;
    } finally {
      close(rootFd);
    }
  }
  return found;
}

/** A layer's folder at a path, and whether nothing below the layer shows there: something on the way is opaque, or no folder. */
function openFolder(rootFd: number, path: RawPath): { readonly fd: number | undefined; readonly isLast: boolean } {
  let fd = openat(rootFd, '.', O_PATH | O_DIRECTORY);
  let isLast = isOpaque(fd);
  for (const name of path === '' ? [] : path.split('/')) {
    try {
      const next = openat2(fd, Buffer.from(name, 'latin1'), {
        flags: O_PATH | O_DIRECTORY | O_NOFOLLOW,
        resolve: RESOLVE.BENEATH,
      });
      close(fd);
      fd = next;
    } catch (error) {
      close(fd);
      if (isSyscallError(error, 'ENOENT')) return { fd: undefined, isLast };
      if (isSyscallError(error, 'ENOTDIR', 'ELOOP')) return { fd: undefined, isLast: true };
      throw error;
    }
    isLast ||= isOpaque(fd);
  }
  return { fd, isLast };
}

function isOpaque(fd: number): boolean {
  return getXattr(`/proc/self/fd/${fd}`, opaqueXattr, { follow: true })?.toString() === 'y';
}
