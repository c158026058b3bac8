import { AT, S_IFDIR, S_IFMT } from '../../../native/constants.ts';
import { close, type FileStatus, fstatatIfExists, readDirectory } from '../../../native/files.ts';
import { fsetXattr } from '../../../native/xattrs.ts';
import { bytesOfPath, joinPath, pathOfBytes, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';
import { makeWhiteout, opaqueXattr } from '../layer/whiteouts.ts';
import { linkTo } from './clone-root.ts';
import { copyLeaf, copyOpenAttributes } from './copy-leaf.ts';
import { makeFolderIn, openFolderIn, withFolders } from './folders.ts';
import type { Origins } from './origins.ts';
import type { TreeTask } from './tree-task.ts';

/** Trees that differ, and what is known of them. All are open folders. */
export interface ChangedTree {
  /** What the tree is a copy of. */
  readonly pristine: number;
  readonly tree: number;
  /** The empty layer folder. */
  readonly upper: number;
  readonly origins: Origins;
  /** What was changed since this time of the file system has changed at all. Nothing can set it back. (ctime, inode(7)) */
  readonly sinceNs: bigint;
}

/**
 * Fills a layer folder with what a command has changed in a copy, as overlayfs would have it: what is gone as whiteouts, a folder that took the
 * place of another one as opaque, and of a file with several names those that were touched, each a file of its own unless names were added. Files
 * may be among them that are as they were: whoever commits the folder compares their bytes. All are copied, since others may hold the tree's.
 */
export function* writeChanges(changed: ChangedTree): TreeTask {
  yield* new ChangeWriter(changed).write();
}

/** A folder of the layer, made when it is first needed. */
class UpperFolder {
  readonly #parent: UpperFolder | undefined;
  readonly #name: Buffer;
  #fd: number | undefined;

  constructor(parent: UpperFolder | undefined, name: Buffer, fd?: number) {
    this.#parent = parent;
    this.#name = name;
    this.#fd = fd;
  }

  get fd(): number {
    return this.#fd ?? this.make();
  }

  make(): number {
    this.#fd = makeFolderIn({ fd: this.#parent?.fd ?? -1, name: this.#name });
    return this.#fd;
  }

  close(): void {
    if (this.#fd !== undefined) close(this.#fd);
  }

  /** undefined while nothing needed it. */
  get made(): number | undefined {
    return this.#fd;
  }
}

/** A folder that is looked at, under the same path in all trees. */
interface VisitedFolder {
  /** undefined where the original has no folder there. */
  readonly pristine: number | undefined;
  readonly tree: number;
  readonly upper: UpperFolder;
  readonly path: RawPath;
}

/** A name in it. */
interface NamedEntry {
  readonly folder: VisitedFolder;
  readonly name: Buffer;
  readonly path: RawPath;
  readonly status: FileStatus;
  readonly below: FileStatus | undefined;
}

class ChangeWriter {
  readonly #changed: ChangedTree;
  /** Paths in the layer by inode of the tree. */
  readonly #written = new Map<bigint, RawPath>();

  constructor(changed: ChangedTree) {
    this.#changed = changed;
  }

  *write(): TreeTask {
    const { pristine, tree, upper } = this.#changed;
    const root = new UpperFolder(undefined, Buffer.alloc(0), upper);
    yield* this.#visit({ pristine, tree, upper: root, path: rawPath('') });
  }

  *#visitLater(folder: VisitedFolder): TreeTask {
    yield this.#visit(folder);
  }

  *#visit(folder: VisitedFolder): TreeTask {
    const names = new Set(readDirectory(folder.tree).map(({ name }) => pathOfBytes(name)));
    const lower = folder.pristine === undefined ? [] : readDirectory(folder.pristine).map(({ name }) => pathOfBytes(name));
    for (const name of [...new Set([...names, ...lower])].toSorted()) {
      yield;
      const bytes = bytesOfPath(name);
      const status = fstatatIfExists(folder.tree, bytes, AT.SYMLINK_NOFOLLOW);
      if (status === undefined) makeWhiteout(folder.upper.fd, bytes);
      else yield* this.#entry({ folder, name: bytes, path: joinPath(folder.path, name), status, below: belowOf(folder, bytes) });
    }
    if (folder.upper.made !== undefined) copyOpenAttributes(folder.tree, folder.upper.made);
  }

  *#entry(named: NamedEntry): TreeTask {
    if (!isFolder(named.status)) yield* this.#leaf(named);
    else if (this.#isInPlace(named)) yield* this.#knownFolder(named);
    else yield* this.#newFolder(named);
  }

  /** True for what was in the original under this name, or was put there before the command began. */
  #isInPlace({ status, below, path }: NamedEntry): boolean {
    const { origins } = this.#changed;
    const origin = origins.of(status);
    return (below !== undefined && origin?.original === below.ino) || origins.isOwn(status, path);
  }

  *#knownFolder({ folder, name, path, status, below }: NamedEntry): TreeTask {
    const tree = openFolderIn({ fd: folder.tree, name });
    const pristine =
      below !== undefined && isFolder(below) && folder.pristine !== undefined
        ? openFolderIn({ fd: folder.pristine, name })
        : undefined;
    const upper = new UpperFolder(folder.upper, name);
    yield* withFolders(pristine === undefined ? [tree] : [tree, pristine], () =>
      this.#changedFolder({ pristine, tree, upper, path }, status),
    );
  }

  *#changedFolder(folder: VisitedFolder, { ctimeNs }: FileStatus): TreeTask {
    const { upper } = folder;
    // The folder itself was changed, be it only its time.
    if (ctimeNs >= this.#changed.sinceNs) upper.make();
    try {
      yield this.#visit(folder);
    } finally {
      upper.close();
    }
  }

  /** Hides what was there. */
  *#newFolder({ folder, name, path, below }: NamedEntry): TreeTask {
    const tree = openFolderIn({ fd: folder.tree, name });
    const upper = new UpperFolder(folder.upper, name);
    const visited: VisitedFolder = { pristine: undefined, tree, upper, path };
    yield* withFolders([tree, upper.fd], () => {
      if (below !== undefined && isFolder(below)) fsetXattr(upper.fd, opaqueXattr, Buffer.from('y'));
      return this.#visitLater(visited);
    });
  }

  *#leaf(named: NamedEntry): TreeTask {
    const { folder, name, path, status } = named;
    if (status.ctimeNs < this.#changed.sinceNs && this.#isInPlace(named)) return;
    const target = { fd: folder.upper.fd, name };
    const isShared = status.nlink > 1 && !this.#isAlone(named);
    const first = isShared ? this.#written.get(status.ino) : undefined;
    if (first !== undefined && linkTo({ fd: this.#changed.upper, name: bytesOfPath(first) }, target)) return;
    yield* copyLeaf({ fd: folder.tree, name }, target);
    if (isShared) this.#written.set(status.ino, path);
  }

  /**
   * overlayfs gives a name of a lower file that is changed a file of its own, whatever other names the lower one has. Only a name that was linked
   * from it since shares it.
   */
  #isAlone(named: NamedEntry): boolean {
    const origin = this.#changed.origins.of(named.status);
    if (origin === undefined || !this.#isInPlace(named) || origin.names === 1) return false;
    if (named.status.nlink <= origin.names || origin.isJoined) return true;
    origin.isJoined = true;
    return false;
  }
}

function belowOf({ pristine }: VisitedFolder, name: Buffer): FileStatus | undefined {
  return pristine === undefined ? undefined : fstatatIfExists(pristine, name, AT.SYMLINK_NOFOLLOW);
}

function isFolder({ mode }: FileStatus): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}
