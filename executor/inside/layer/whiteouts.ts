import { randomUUID } from 'node:crypto';
import { AT, S_IFCHR, S_IFMT, S_IFSOCK } from '../../../native/constants.ts';
import { type FileStatus, fstatat, fstatatIfExists, mknodat, unlinkat } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';

// The spellings of "deleted": names in a layer's tar, devices and an attribute in its folder. (image-spec, layer.md "Whiteouts";
// Documentation/filesystems/overlayfs.rst "whiteouts and opaque directories")

/** What a layer's tar puts before the name of something that is deleted. */
const prefix = '.wh.';

/** The name that hides all lower content of the folder that it is in. */
const opaqueName = '.wh..wh..opq';

/** The attribute of an opaque folder, on overlay mounts with `userxattr`. Its value is `y`. */
export const opaqueXattr = 'user.overlay.opaque';

/** Attributes that belong to overlayfs, and never to a layer. */
export const overlayXattrPrefix = 'user.overlay.';

/** What a name in a tar means. */
export type WhiteoutName =
  | { readonly kind: 'none' }
  /** `name` of the same folder is deleted. */
  | { readonly kind: 'whiteout'; readonly name: RawPath }
  | { readonly kind: 'opaque' }
  /** Notes that AUFS left to itself in old layers. */
  | { readonly kind: 'ignored' }
  /** A whiteout of nothing. */
  | { readonly kind: 'invalid' };

/** Reads the base name of an entry. */
export function readWhiteout(name: RawPath): WhiteoutName {
  if (!name.startsWith(prefix)) {
    return { kind: 'none' };
  }
  if (name === opaqueName) {
    return { kind: 'opaque' };
  }
  if (name.startsWith(`${prefix}${prefix}`)) {
    return { kind: 'ignored' };
  }
  const target = name.slice(prefix.length);
  return target === '' || target === '.' || target === '..' ? { kind: 'invalid' } : { kind: 'whiteout', name: rawPath(target) };
}

/** The path of the tar entry that says that `path` is deleted. */
export function whiteoutPath(path: RawPath): RawPath {
  const slash = path.lastIndexOf('/') + 1;
  return rawPath(`${path.slice(0, slash)}${prefix}${path.slice(slash)}`);
}

/** The path of the tar entry that makes the folder `path` opaque. */
export function opaquePath(path: RawPath): RawPath {
  return rawPath(path === '' ? opaqueName : `${path}/${opaqueName}`);
}

/** True for a name that would mean a deletion when it is put into a tar. */
export function looksLikeWhiteout(name: RawPath): boolean {
  return name.startsWith(prefix);
}

/**
 * Spells "deleted" in a folder of a layer: as a character device 0:0, which overlayfs takes for that, or, where the file system holds none (another
 * overlay, FUSE), as a socket that nobody may use, since a layer holds no sockets.
 */
export function makeWhiteout(folder: number, name: string | Uint8Array): void {
  mknodat(folder, name, holdsWhiteoutDevices(folder) ? S_IFCHR : S_IFSOCK, 0, 0);
}

/** True for what stands for something deleted in a layer's folder, however it is spelled. */
export function isWhiteout(status: FileStatus): boolean {
  return isWhiteoutDevice(status) || (status.mode & (S_IFMT | 0o7777)) === S_IFSOCK;
}

/** True for a whiteout as makeWhiteout() makes it in this folder, which overlayfs understands where it can. Folders that were copied may have the other. */
export function isUsualWhiteout(folder: number, status: FileStatus): boolean {
  return isWhiteoutDevice(status) || !holdsWhiteoutDevices(folder);
}

/** True when the file system of a folder, which can be written, holds the devices that overlayfs takes for deletions. */
export function holdsWhiteoutDevices(folder: number): boolean {
  const { dev } = fstatat(folder, '', AT.EMPTY_PATH);
  const known = devicesHold.get(dev);
  if (known !== undefined) return known;
  const holds = tryDevice(folder);
  devicesHold.set(dev, holds);
  return holds;
}

/** By file system. */
const devicesHold = new Map<bigint, boolean>();

/** Some FUSE file systems make a device that nobody can see. */
function tryDevice(folder: number): boolean {
  const name = `.tsbuild-${randomUUID()}`;
  try {
    mknodat(folder, name, S_IFCHR, 0, 0);
  } catch (error) {
    if (isSyscallError(error, 'EPERM', 'EACCES', 'ENOENT', 'EOPNOTSUPP', 'EINVAL', 'ENOSYS', 'EIO')) return false;
    throw error;
  }
  const status = fstatatIfExists(folder, name, AT.SYMLINK_NOFOLLOW);
  if (status === undefined) return false;
  unlinkat(folder, name);
  return isWhiteoutDevice(status);
}

function isWhiteoutDevice(status: FileStatus): boolean {
  return (status.mode & S_IFMT) === S_IFCHR && status.rdevMajor === 0 && status.rdevMinor === 0;
}
