import { chmodSync, mkdirSync, rmdirSync, utimesSync } from 'node:fs';
import path from 'node:path';
import {
  AT,
  AT_FDCWD,
  MNT_DETACH,
  MOUNT_ATTR,
  MOVE_MOUNT,
  O_CREAT,
  O_EXCL,
  O_WRONLY,
  OPEN_TREE,
} from '../../../../native/constants.ts';
import { close, fchmod, openat, write } from '../../../../native/files.ts';
import {
  fsconfigCreate,
  fsconfigString,
  fsmount,
  fsopen,
  mountSetattr,
  moveMount,
  openTree,
  umount2,
} from '../../../../native/mounts.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import { constantTimeSeconds } from '../../../../registry/oci/layer/constant-time.ts';
import type { Lowers } from '../../../protocol/actions.ts';
import { removePath } from '../../files/remove.ts';
import { type MountedRootfs, mountRootfs, type ReadOnlyRootfs } from '../../overlay/rootfs.ts';
import { isSealedSoon } from '../../overlay/seal.ts';
import { changeOwner, type Owner } from '../../root/owner.ts';

/** A mount that is attached nowhere yet, and where it goes. */
export interface PreparedMount {
  /** Path in the root, as written. */
  readonly target: string;
  /** A detached mount. Whoever attaches it, or gives up, closes it. */
  readonly fd: number;
  readonly isDirectory: boolean;
  /** Others may use what is mounted at the same time. */
  readonly isShared?: boolean;
  /** Left out without a word where the image makes it impossible: /etc/resolv.conf may be a link into /proc. */
  readonly isOptional?: true;
}

/** A small file that a command is given. */
export interface GivenFile {
  readonly bytes: Uint8Array;
  readonly mode: number;
  readonly owner: Owner;
}

/** Attributes of all mounts that hold data of the build: nothing on them gains rights. */
export const harmless: number = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV;

/**
 * What one RUN needs beside its root: a tmpfs for small files (secrets never reach a disk), and a folder on the store's disk for what
 * may be large and is thrown away. Outside the root, so that nothing of it can get into the layer.
 */
export class Workspace implements AsyncDisposable {
  readonly #directory: string;
  readonly #memory: string;
  readonly #trees: ReadOnlyRootfs[] = [];
  readonly #writable: MountedRootfs[] = [];
  readonly #folders: string[] = [];
  #count = 0;

  /** `directory` is the step's own; what is made in it (`memory`, `scratch-1`) is gone after disposal. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#memory = path.join(directory, 'memory');
    mkdirSync(this.#memory);
    const fd = newFileSystem('tmpfs', { mode: '0755' }, harmless);
    try {
      moveMount(fd, '', AT_FDCWD, this.#memory, MOVE_MOUNT.F_EMPTY_PATH);
    } finally {
      close(fd);
    }
  }

  /** A new empty folder on the disk. */
  folder(): string {
    const folder = path.join(this.#directory, `scratch-${this.#next()}`);
    mkdirSync(folder);
    this.#folders.push(folder);
    return folder;
  }

  /** A new empty folder in memory. */
  memoryFolder(): string {
    const folder = path.join(this.#memory, this.#next());
    mkdirSync(folder);
    return folder;
  }

  /** A new empty folder in memory, as the root of a layer is: root's, 0755, of no time. */
  emptyFolder(): string {
    const folder = this.memoryFolder();
    chmodSync(folder, 0o755);
    utimesSync(folder, constantTimeSeconds, constantTimeSeconds);
    return folder;
  }

  /** Writes a file to memory and gives a read-only mount of it. */
  file({ bytes, mode, owner }: GivenFile, attributes = 0): number {
    const name = path.join(this.#memory, this.#next());
    const fd = openat(AT_FDCWD, name, O_WRONLY | O_CREAT | O_EXCL, 0o600);
    try {
      writeAll(fd, bytes);
      // chown() clears set-id bits, so the owner comes before the mode.
      changeOwner(fd, '', owner);
      fchmod(fd, mode);
    } finally {
      close(fd);
    }
    return cloneMount(AT_FDCWD, name, MOUNT_ATTR.RDONLY | harmless | attributes);
  }

  /** Shows layers read-only for as long as the workspace lives. */
  tree(lowers: Lowers): string {
    return this.#keep(mountRootfs({ lowers, context: { warn: () => undefined }, at: this.memoryFolder() }));
  }

  /** Shows layers so that they can be changed; the changes are thrown away with the workspace. */
  writableTree(lowers: Lowers): string {
    const tree = mountRootfs({ lowers, context: { warn: () => undefined }, directory: this.folder() });
    this.#writable.push(tree);
    return this.#keep(tree);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Another command may have been sent descriptors of them, and go on making files. (SCM_RIGHTS in unix(7))
    for (const tree of this.#writable) await isSealedSoon(tree);
    this.#trees.toReversed().forEach((tree) => tree[Symbol.dispose]());
    umount2(this.#memory, MNT_DETACH);
    // Not recursive: were it still mounted, nothing in it would be lost.
    rmdirSync(this.#memory);
    // A command has filled them, as deep as it liked.
    for (const folder of this.#folders) await removeUnlessFilled(folder);
  }

  #keep(tree: ReadOnlyRootfs): string {
    this.#trees.push(tree);
    return tree.path;
  }

  #next(): string {
    this.#count += 1;
    return `${this.#count}`;
  }
}

/** A tree with a file that is still written to cannot be sealed. What is made in it then goes with the build's own folder. */
async function removeUnlessFilled(folder: string): Promise<void> {
  try {
    await removePath(folder);
  } catch (error) {
    if (!isSyscallError(error, 'ENOTEMPTY')) throw error;
  }
}

/** A new file system that is attached nowhere. Options are those of its man page, such as tmpfs(5). */
export function newFileSystem(type: string, options: Readonly<Record<string, string>>, attributes: number): number {
  const context = fsopen(type);
  try {
    fsconfigString(context, 'source', type);
    Object.entries(options).forEach(([name, value]) => fsconfigString(context, name, value));
    fsconfigCreate(context);
    return fsmount(context, undefined, attributes);
  } finally {
    close(context);
  }
}

/** A detached copy of the mount that a path is on, from that path downwards, with attributes added on all of it. */
export function cloneMount(dirfd: number, name: string, attributes: number): number {
  const fd = openTree(dirfd, name, OPEN_TREE.CLONE | AT.RECURSIVE | AT.EMPTY_PATH);
  try {
    if (attributes !== 0) {
      mountSetattr(fd, '', AT.EMPTY_PATH | AT.RECURSIVE, { set: attributes });
    }
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length; ) offset += write(fd, bytes.subarray(offset));
}
