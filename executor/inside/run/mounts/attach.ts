import { lstatSync, rmdirSync, unlinkSync } from 'node:fs';
import { AT_FDCWD, MNT_DETACH, MOVE_MOUNT, O_PATH, UMOUNT_NOFOLLOW } from '../../../../native/constants.ts';
import { close, fstatat, makeFileAt, utimensat } from '../../../../native/files.ts';
import { moveMount, umount2 } from '../../../../native/mounts.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import { joinPath, type RawPath, rawPath } from '../../../../registry/oci/raw-path.ts';
import { Refusal } from '../../failure.ts';
import { locateInRoot, makeDirectories, openInRoot, openParentInRoot, openRoot } from '../../resolve-in-root.ts';
import { pathIn } from './mount-points.ts';
import type { PreparedMount } from './workspace.ts';

/** The mounts of one RUN in its root. Targets are opened inside the root, so that no link leads a mount out of it. */
export class AttachedMounts implements Disposable {
  readonly #root: string;
  readonly #rootFd: number;
  readonly #mounted: { readonly path: RawPath; readonly isShared: boolean }[] = [];
  readonly #made: MadeMountPoint[] = [];

  constructor(root: string) {
    this.#root = root;
    this.#rootFd = openRoot(root);
  }

  /** Where a path of the root really is: absolute, without links. */
  placeOf(path: string): string {
    return pathIn(this.#root, this.#locate(path)).toString();
  }

  /** Attaches a mount; the caller still closes its descriptor. Refuses with `mount-target`. */
  attach({ target, fd, isDirectory, isShared = false }: PreparedMount): void {
    this.#makeMountPoint(target, isDirectory);
    const path = this.#locate(target);
    const targetFd = openInRoot(this.#rootFd, Buffer.from(path, 'latin1'), O_PATH);
    try {
      moveMount(fd, '', targetFd, '', MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH);
    } catch (error) {
      throw isSyscallError(error, 'ENOTDIR', 'EINVAL') ? mismatch(target) : error;
    } finally {
      close(targetFd);
    }
    this.#mounted.push({ path, isShared });
  }

  /** The root with everything attached so far. The caller closes the descriptor. */
  open(): number {
    return openRoot(this.#root);
  }

  get root(): string {
    return this.#root;
  }

  /**
   * Makes a folder that the command really gets (its working directory), in the root or in a mount of it. Nothing is made where the
   * kernel's file systems will be.
   */
  makeDirectory(path: string): void {
    const place = this.#locate(path);
    if (['/proc', '/sys'].some((kernels) => `${place}/`.startsWith(`${this.#locate(kernels)}/`))) {
      return;
    }
    makeDirectories(this.#rootFd, path, { mode: 0o755, uid: 0, gid: 0 });
  }

  [Symbol.dispose](): void {
    close(this.#rootFd);
    for (const { path } of this.#mounted.toReversed()) {
      umount2(pathIn(this.#root, path), MNT_DETACH | UMOUNT_NOFOLLOW);
      this.#made.filter((point) => point.path === path).forEach((point) => this.#remove(point));
    }
  }

  /** Only where another mount of the same RUN is: the layer with missing mount points covers the root. */
  #makeMountPoint(target: string, isDirectory: boolean): void {
    const { existing, missing } = locateInRoot(this.#rootFd, target);
    const last = missing.at(-1);
    if (last === undefined) {
      return;
    }
    const parent = missing.slice(0, -1).reduce(joinPath, existing);
    if (!this.#isInShared(existing)) {
      const { mtimeNs } = fstatat(AT_FDCWD, pathIn(this.#root, existing));
      this.#made.push({ path: missing.reduce(joinPath, existing), outermost: existing, mtimeNs, names: missing.length });
    }
    try {
      this.#makeFolders(isDirectory ? joinPath(parent, last) : parent);
      if (!isDirectory) {
        this.#makeFile(joinPath(parent, last));
      }
    } catch (error) {
      throw isSyscallError(error, 'EROFS') ? readOnlyAround(target) : error;
    }
  }

  /** Mount points in what others use stay: whoever has something mounted there would lose it with them. (rmdir(2), namespaces) */
  #isInShared(path: RawPath): boolean {
    return this.#mounted.findLast((mount) => path === mount.path || path.startsWith(`${mount.path}/`))?.isShared === true;
  }

  #makeFolders(path: RawPath): void {
    const make = (): unknown => makeDirectories(this.#rootFd, Buffer.from(path, 'latin1'), { mode: 0o755, uid: 0, gid: 0 });
    try {
      make();
    } catch (error) {
      // Another command may have made the same folder in a cache since it was looked for.
      if (!isSyscallError(error, 'EEXIST')) {
        throw error;
      }
      make();
    }
  }

  #makeFile(path: RawPath): void {
    const { fd, name } = openParentInRoot(this.#rootFd, Buffer.from(path, 'latin1'));
    try {
      makeFileAt(fd, name, 0o644);
    } catch (error) {
      // Another command may have made the same mount point in a cache.
      if (!isSyscallError(error, 'EEXIST')) {
        throw error;
      }
    } finally {
      close(fd);
    }
  }

  /** Takes away what was made for a mount point, as far as the command has left it empty. */
  #remove({ path, outermost, mtimeNs, names }: MadeMountPoint): void {
    const all = path.split('/');
    for (let count = 0; count < names; count++) {
      if (!removeIfEmpty(pathIn(this.#root, rawPath(all.slice(0, all.length - count).join('/'))))) {
        return;
      }
    }
    utimensat(AT_FDCWD, pathIn(this.#root, outermost), { mtimeNs });
  }

  #locate(path: string): RawPath {
    const { existing, missing } = locateInRoot(this.#rootFd, path);
    return missing.reduce(joinPath, existing);
  }
}

/** A mount point that was made inside of another mount. */
interface MadeMountPoint {
  readonly path: RawPath;
  /** The folder that was there before, and its time. */
  readonly outermost: RawPath;
  readonly mtimeNs: bigint;
  /** How many names below `outermost` are ours. */
  readonly names: number;
}

function removeIfEmpty(path: Buffer): boolean {
  const status = lstatSync(path, { throwIfNoEntry: false });
  try {
    if (status?.isDirectory() === true) {
      rmdirSync(path);
      return true;
    }
    if (status?.isFile() === true && status.size === 0) {
      unlinkSync(path);
      return true;
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY')) {
      throw error;
    }
  }
  return false;
}

function mismatch(target: string): Refusal {
  return new Refusal('mount-target', `Cannot mount at "${target}": a file can only be mounted on a file, a folder on a folder`);
}

function readOnlyAround(target: string): Refusal {
  return new Refusal(
    'mount-target',
    `Cannot mount at "${target}": the mount around it is read-only and has nothing there`,
    'Add rw to the mount around it, or make the mount point in its source',
  );
}
