import { MNT_DETACH, MOVE_MOUNT, O_PATH } from '../../../../native/constants.ts';
import { close, makeFileAt } from '../../../../native/files.ts';
import { moveMount, umount2 } from '../../../../native/mounts.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import { bytesOfPath, joinPath, type RawPath } from '../../../../registry/oci/raw-path.ts';
import { isAtOrBelow } from '../../../../registry/oci/text/path-below.ts';
import { Refusal } from '../../request/failure.ts';
import {
  locateInRoot,
  makeDirectories,
  openInRoot,
  openParentInRoot,
  openRoot,
  type PlaceInRoot,
} from '../../root/resolve-in-root.ts';
import { MadeMountPoint } from './made-mount-point.ts';
import { pathIn, pathOf } from './mount-points.ts';
import type { PreparedMount } from './workspace.ts';

/** The mounts of one RUN in its root, which is unmounted once this has been disposed of. Targets are opened inside the root, so that no link leads a mount out of it. */
export class AttachedMounts implements Disposable {
  readonly #root: string;
  readonly #rootFd: number;
  readonly #mounted: AttachedMount[] = [];
  readonly #places = new Map<string, RawPath>();

  constructor(root: string) {
    this.#root = root;
    this.#rootFd = openRoot(root);
  }

  /** Where a path of the root really is: absolute, without links. */
  placeOf(path: string): string {
    return pathIn(this.#root, this.#placeInside(path)).toString();
  }

  /** Attaches a mount, whose descriptor the caller closes once this has been disposed of. Refuses with `mount-target`. */
  attach({ target, fd, isDirectory, isShared = false }: PreparedMount): void {
    const place = locateInRoot(this.#rootFd, target);
    const made = this.#makeMountPoint(place, { target, isDirectory });
    const path = pathOf(place);
    try {
      this.#attachAt(path, { target, fd });
      this.#mounted.push({ fd, path, isShared, made });
    } catch (error) {
      made?.remove();
      made?.[Symbol.dispose]();
      throw error;
    }
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
    const place = pathOf(locateInRoot(this.#rootFd, path));
    if (['/proc', '/sys'].some((kernels) => isAtOrBelow(place, this.#placeInside(kernels)))) return;
    makeDirectories(this.#rootFd, path, { mode: 0o755, uid: 0, gid: 0 });
  }

  /**
   * Removes the mount points that were made inside of other mounts. What a command has done to the folders around its mounts leads nowhere: the
   * mounts are named by their own descriptors, and what was made for them by those of the folders it was made in. The other mounts go with the
   * root, all at once: for each call the kernel waits until nobody looks at its mounts.
   */
  [Symbol.dispose](): void {
    for (const { fd, made } of this.#mounted.splice(0).toReversed()) {
      if (made === undefined) continue;
      detach(fd);
      made.remove();
      made[Symbol.dispose]();
    }
    close(this.#rootFd);
  }

  /** `path` has no links. */
  #attachAt(path: RawPath, { target, fd }: Pick<PreparedMount, 'target' | 'fd'>): void {
    const targetFd = openInRoot(this.#rootFd, Buffer.from(path, 'latin1'), O_PATH);
    try {
      moveMount(fd, '', targetFd, '', MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH);
    } catch (error) {
      throw isSyscallError(error, 'ENOTDIR', 'EINVAL') ? mismatch(target) : error;
    } finally {
      close(targetFd);
    }
  }

  /** Only where another mount of the same RUN is: the layer with missing mount points covers the root. */
  #makeMountPoint(
    { existing, missing }: PlaceInRoot,
    { target, isDirectory }: Pick<PreparedMount, 'target' | 'isDirectory'>,
  ): MadeMountPoint | undefined {
    const last = missing.at(-1);
    if (last === undefined) return undefined;
    const parent = missing.slice(0, -1).reduce(joinPath, existing);
    const made = this.#isInShared(existing) ? undefined : this.#openMadeIn(existing, missing);
    try {
      this.#makeFolders(isDirectory ? joinPath(parent, last) : parent);
      if (!isDirectory) this.#makeFile(joinPath(parent, last));
      made?.hold();
      return made;
    } catch (error) {
      made?.[Symbol.dispose]();
      throw isSyscallError(error, 'EROFS') ? readOnlyAround(target) : error;
    }
  }

  #openMadeIn(existing: RawPath, missing: readonly RawPath[]): MadeMountPoint {
    return new MadeMountPoint(openInRoot(this.#rootFd, bytesOfPath(existing), O_PATH), missing);
  }

  /** Mount points in what others use stay: whoever has something mounted there would lose it with them. (rmdir(2), namespaces) */
  #isInShared(path: RawPath): boolean {
    return this.#mounted.findLast((mount) => isAtOrBelow(path, mount.path))?.isShared === true;
  }

  #makeFolders(path: RawPath): void {
    const make = (): unknown => makeDirectories(this.#rootFd, Buffer.from(path, 'latin1'), { mode: 0o755, uid: 0, gid: 0 });
    try {
      make();
    } catch (error) {
      // Another command may have made the same folder in a cache since it was looked for.
      if (!isSyscallError(error, 'EEXIST')) throw error;
      make();
    }
  }

  #makeFile(path: RawPath): void {
    const { fd, name } = openParentInRoot(this.#rootFd, Buffer.from(path, 'latin1'));
    try {
      makeFileAt(fd, name, 0o644);
    } catch (error) {
      // Another command may have made the same mount point in a cache.
      if (!isSyscallError(error, 'EEXIST')) throw error;
    } finally {
      close(fd);
    }
  }

  /** Where one of the kernel's file systems will be, which no mount changes any more: each has a mount point by now. */
  #placeInside(path: string): RawPath {
    const place = this.#places.get(path) ?? pathOf(locateInRoot(this.#rootFd, path));
    this.#places.set(path, place);
    return place;
  }
}

interface AttachedMount {
  readonly fd: number;
  readonly path: RawPath;
  readonly isShared: boolean;
  readonly made: MadeMountPoint | undefined;
}

/** A command in whose namespace the mount point could be removed has taken the mount away everywhere. (EINVAL; NOTES in rmdir(2)) */
function detach(fd: number): void {
  try {
    umount2(`/proc/self/fd/${fd}`, MNT_DETACH);
  } catch (error) {
    if (!isSyscallError(error, 'EINVAL', 'ENOENT')) throw error;
  }
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
