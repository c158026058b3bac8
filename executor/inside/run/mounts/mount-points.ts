import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { AT, AT_FDCWD, O_DIRECTORY, O_PATH, RESOLVE, S_IFDIR, S_IFMT } from '../../../../native/constants.ts';
import { close, fstatat, openat2, utimensat } from '../../../../native/files.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import { constantTimeSeconds } from '../../../../registry/oci/layer/constant-time.ts';
import { bytesOfPath, folderOf, joinPath, nameOf, prefixesOf, type RawPath } from '../../../../registry/oci/raw-path.ts';
import { isAtOrBelow, isBelow } from '../../../../registry/oci/text/path-below.ts';
import { copyDirectoryAttributes } from '../../overlay/rootfs.ts';
import { Refusal } from '../../request/failure.ts';
import { locateInRoot, openRoot, type PlaceInRoot } from '../../root/resolve-in-root.ts';
import { removeIfEmpty } from './made-mount-point.ts';

/** Something that will be mounted. */
interface Target {
  readonly target: string;
  readonly isDirectory: boolean;
  readonly isOptional?: true;
}

/** Where a path of a root leads. */
export type Locate = (path: string) => PlaceInRoot;

/** Looks each path up once, in a root in which nothing changes meanwhile. */
export function locatorOf(rootFd: number): Locate {
  const places = new Map<string, PlaceInRoot>();
  return (path) => {
    const place = places.get(path) ?? locateInRoot(rootFd, path);
    places.set(path, place);
    return place;
  };
}

/**
 * The mounts without the optional ones that have no place: links of the image lead them to the kernel's file systems or to a folder.
 * Refuses with `mount-target` when links lead another mount below /proc or /sys, which will be covered.
 */
export function placeableMounts<T extends Target>(locate: Locate, mounts: readonly T[]): readonly T[] {
  const pathAt = (place: string): RawPath => pathOf(locate(place));
  const [proc, sys, dev] = [pathAt('/proc'), pathAt('/sys'), pathAt('/dev')];
  return mounts.filter(({ target, isOptional, isDirectory }) => {
    const place = locate(target);
    const path = pathOf(place);
    const isCovered = isBelow(path, proc) || isBelow(path, sys);
    if (isOptional === true) {
      return !isCovered && !isBelow(path, dev) && (place.missing.length > 0 || isFolder(place) === isDirectory);
    }
    if (isCovered) {
      throw new Refusal('mount-target', `Cannot mount at "${target}": the sandbox needs that place itself`);
    }
    return true;
  });
}

/** What a root lacks so that everything can be mounted. Paths without links, parents first. */
export interface MissingMountPoints {
  /** Folders that exist and that lead to the missing ones. */
  readonly leading: readonly RawPath[];
  readonly directories: readonly RawPath[];
  readonly files: readonly RawPath[];
}

/**
 * Finds the mount points that a root lacks; those inside of an earlier mount are its own business. Refuses with `mount-target` what
 * cannot be a mount point.
 */
export function findMissingMountPoints(locate: Locate, targets: readonly Target[]): MissingMountPoints {
  const leading = new Set<RawPath>();
  const directories = new Set<RawPath>();
  const files = new Set<RawPath>();
  const taken: RawPath[] = [];
  for (const { target, isDirectory } of targets) {
    const place = locate(target);
    const { existing, missing } = place;
    const path = pathOf(place);
    if (!taken.some((other) => isAtOrBelow(path, other))) {
      checkTarget({ target, isDirectory }, isFolder(place), missing.length > 0);
      if (missing.length > 0 && !directories.has(path) && !files.has(path)) {
        // The root itself needs no place in a layer.
        for (const prefix of prefixesOf(existing)) leading.add(prefix);
        missing.slice(0, -1).reduce((parent, name) => addTo(directories, joinPath(parent, name)), existing);
        (isDirectory ? directories : files).add(path);
      }
    }
    taken.push(path);
  }
  return { leading: [...leading], directories: [...directories], files: [...files] };
}

/** True when nothing is missing. */
export function isComplete({ directories, files }: MissingMountPoints): boolean {
  return directories.length === 0 && files.length === 0;
}

/**
 * Makes a layer folder that holds the missing mount points and nothing else to see: the folders on the way look as they do in the
 * root. As a lower layer it needs no cleaning afterwards, because what lies in lower layers is no change. Gives `directory`.
 */
export function makeMountPointLayer(directory: string, root: string, points: MissingMountPoints): string {
  for (const path of [...points.leading, ...points.directories].toSorted(byDepth)) {
    const folder = pathIn(directory, path);
    mkdirSync(folder);
    chmodSync(folder, 0o755);
  }
  points.files.forEach((path) => closeSync(openSync(pathIn(directory, path), 'wx', 0o644)));
  points.directories.forEach((path) =>
    utimensat(AT_FDCWD, pathIn(directory, path), { mtimeNs: BigInt(constantTimeSeconds) * 1_000_000_000n }),
  );
  points.leading.forEach((path) => copyDirectoryAttributes(pathIn(root, path), pathIn(directory, path)));
  return directory;
}

/**
 * Removes from a layer the folders that were only there for mount points and that the command has touched (a `chown -R`, say) but
 * left empty. It may have put links in the place of those above them, which are not followed. The overlay must not be mounted meanwhile.
 */
export function removeEmptyMountPoints(upper: string, points: MissingMountPoints): void {
  const upperFd = openRoot(upper);
  try {
    for (const path of points.directories.toSorted(byDepth).toReversed()) removeEmptyFolder(upperFd, path);
  } finally {
    close(upperFd);
  }
}

function removeEmptyFolder(upperFd: number, path: RawPath): void {
  const folder = openIfUnchanged(upperFd, folderOf(path));
  if (folder === undefined) return;
  try {
    const { mtimeNs } = fstatat(folder, '', AT.EMPTY_PATH);
    if (removeIfEmpty({ folder, name: bytesOfPath(nameOf(path)) })) {
      utimensat(folder, '', { mtimeNs }, AT.EMPTY_PATH);
    }
  } finally {
    close(folder);
  }
}

/** A folder of a layer; undefined when the command has left something else on the way. */
function openIfUnchanged(upperFd: number, path: RawPath): number | undefined {
  const resolve = RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_XDEV;
  try {
    return openat2(upperFd, path === '' ? '.' : bytesOfPath(path), { flags: O_PATH | O_DIRECTORY, resolve });
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

/** The bytes of a path below a folder. */
export function pathIn(directory: string, path: RawPath): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(path, 'latin1')]);
}

/** The path without links. */
export function pathOf({ existing, missing }: PlaceInRoot): RawPath {
  return missing.reduce(joinPath, existing);
}

function isFolder({ status }: PlaceInRoot): boolean {
  return (status.mode & S_IFMT) === S_IFDIR;
}

function checkTarget({ target, isDirectory }: Target, isInFolder: boolean, isMissing: boolean): void {
  if (isMissing && !isInFolder) {
    throw new Refusal('mount-target', `Cannot mount at "${target}": a part of the path is not a folder`);
  }
  if (!isMissing && isInFolder !== isDirectory) {
    const [source, present] = isDirectory ? ['a folder', 'a file'] : ['a file', 'a folder'];
    throw new Refusal(
      'mount-target',
      `Cannot mount at "${target}": the image has ${present} there, and ${source} is to be mounted`,
    );
  }
}

function addTo(set: Set<RawPath>, path: RawPath): RawPath {
  set.add(path);
  return path;
}

function byDepth(left: RawPath, right: RawPath): number {
  return left.split('/').length - right.split('/').length;
}
