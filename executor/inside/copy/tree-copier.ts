import { AT, O_DIRECTORY, O_PATH, RESOLVE, S_IFDIR, S_IFLNK, S_IFMT } from '../../../native/constants.ts';
import { close, fstatatIfExists, linkat, mkdirat, openat2, readlinkat, unlinkat } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { bytesOfPath, type RawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import { unreachable } from '../../../registry/oci/unreachable.ts';
import type { ListedEntry } from '../../protocol/copy-entry.ts';
import { copyBytes } from '../files/copy-bytes.ts';
import { FolderCache, splitPath } from '../files/folder-cache.ts';
import type { FolderTimes } from '../files/folder-times.ts';
import {
  finishFile,
  type NewAttributes,
  openNewFile,
  placeSpecial,
  placeSymlink,
  setFolderAttributes,
} from '../files/new-file.ts';
import { writeFully } from '../files/write-fully.ts';
import { Refusal } from '../request/failure.ts';
import { type Spot, spotIn } from '../unpack/entry-placer.ts';
import { attributesOf, type CopyRules } from './copy-rules.ts';
import { type CopyFile, hasIdentity, type SourceTree, sourceChanged } from './source-tree.ts';

/** What a group of files is copied into. */
export interface CopierTarget {
  readonly rootFd: number;
  /** The folder below which entries go, below `rootFd`; it exists. */
  readonly folderFd: number;
  readonly times: FolderTimes;
  readonly rules: CopyRules;
  readonly source: SourceTree;
}

/**
 * Copies entries into a folder. Files and links replace what is not a folder; folders join folders, and give them their attributes; a
 * folder in the place of something else, or the reverse, is refused. Links inside the destination are not followed.
 */
export class TreeCopier implements Disposable {
  readonly #target: CopierTarget;
  readonly #folders: FolderCache;

  constructor(target: CopierTarget) {
    this.#target = target;
    this.#folders = new FolderCache(target.rootFd, (path) => openBelow(target.folderFd, path));
  }

  /** Copies an entry to a path below the folder; the folders on the way exist. Large files are copied in steps. */
  *copy(entry: ListedEntry, to: RawPath): Generator<void, void, undefined> {
    const { parent, name } = splitPath(to);
    const spot = spotIn(this.#folders.get(parent), name);
    const attributes = attributesOf(this.#target.rules, entry, spot.path);
    switch (entry.type) {
      case 'file':
        yield* this.#file(entry, spot, attributes);
        return;
      case 'directory':
        this.#directory(spot, attributes);
        return;
      case 'symlink':
        replacing(spot, () => placeSymlink(spot, attributes, entry.target));
        return;
      case 'hardlink':
        this.#hardLink(entry.target, spot);
        return;
      case 'fifo':
        replacing(spot, () => placeSpecial(spot, attributes, { type: 'fifo', major: 0, minor: 0 }));
        return;
      case 'char':
      case 'block':
        replacing(spot, () => makeDevice(entry, spot, attributes));
        return;
      default:
        unreachable(entry);
    }
  }

  [Symbol.dispose](): void {
    this.#folders.forget();
  }

  *#file(entry: CopyFile, spot: Spot, attributes: NewAttributes): Generator<void, void, undefined> {
    const fd = replacing(spot, () => openNewFile(spot));
    try {
      if (entry.inline === undefined) {
        yield* this.#content(entry, fd);
      } else {
        writeFully(fd, Buffer.from(entry.inline, 'base64'));
      }
      finishFile(fd, attributes);
    } finally {
      close(fd);
    }
  }

  *#content(entry: CopyFile, to: number): Generator<void, void, undefined> {
    const from = this.#target.source.open(entry.from);
    try {
      const isSame = entry.identity === undefined || hasIdentity(from, entry.identity);
      if (!isSame || (yield* copyBytes(from, to, entry.size)) !== entry.size) throw sourceChanged(entry.from);
    } finally {
      close(from);
    }
  }

  #directory(spot: Spot, attributes: NewAttributes): void {
    const status = fstatatIfExists(spot.fd, spot.name, AT.SYMLINK_NOFOLLOW);
    if (status === undefined) {
      mkdirat(spot.fd, spot.name, 0o700);
    } else if ((status.mode & S_IFMT) !== S_IFDIR) {
      throw notAFolder(spot, (status.mode & S_IFMT) === S_IFLNK);
    }
    setFolderAttributes(spot, attributes);
    this.#target.times.set(spot.path, attributes.mtime);
  }

  #hardLink(target: RawPath, spot: Spot): void {
    const { parent, name } = splitPath(target);
    const from = spotIn(this.#folders.get(parent), name);
    replacing(spot, () => linkat(from.fd, from.name, spot.fd, spot.name));
  }
}

/** Makes something under a name; if the name is taken, by anything but a folder, what has it goes first. */
function replacing<T>(spot: Spot, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!isSyscallError(error, 'EEXIST')) throw error;
    const status = fstatatIfExists(spot.fd, spot.name, AT.SYMLINK_NOFOLLOW);
    if (status !== undefined && (status.mode & S_IFMT) === S_IFDIR) {
      throw new Refusal('is-a-directory', `Cannot copy a file to "/${textOfPath(spot.path)}": a folder of that name exists`);
    }
    unlinkat(spot.fd, spot.name);
    return make();
  }
}

function openBelow(folderFd: number, path: RawPath): number {
  return openat2(folderFd, path === '' ? '.' : bytesOfPath(path), {
    flags: O_PATH | O_DIRECTORY,
    resolve: RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS,
  });
}

function notAFolder(spot: Spot, isLink: boolean): Refusal {
  const path = `"/${textOfPath(spot.path)}"`;
  return isLink
    ? new Refusal(
        'not-a-directory',
        `Cannot copy a folder to ${path}: it is a symbolic link to "${readlinkat(spot.fd, spot.name).toString()}" in the image`,
        'Copy the content of the folder to where the link leads in an instruction of its own',
      )
    : new Refusal('not-a-directory', `Cannot copy a folder to ${path}: a file of that name exists`);
}

type DeviceEntry = Extract<ListedEntry, { readonly type: 'char' | 'block' }>;

function makeDevice({ type, major, minor }: DeviceEntry, spot: Spot, attributes: NewAttributes): void {
  if (!placeSpecial(spot, attributes, { type, major, minor })) {
    throw new Refusal(
      'not-supported',
      `Cannot copy the device node "/${textOfPath(spot.path)}": a user cannot make device nodes`,
      'Leave it out with --exclude',
    );
  }
}
