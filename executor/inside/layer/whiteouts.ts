import { S_IFCHR, S_IFMT } from '../../../native/constants.ts';
import type { FileStatus } from '../../../native/files.ts';
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

/** True for the device that stands for something deleted in a layer's folder. */
export function isWhiteoutDevice(status: FileStatus): boolean {
  return (status.mode & S_IFMT) === S_IFCHR && status.rdevMajor === 0 && status.rdevMinor === 0;
}
