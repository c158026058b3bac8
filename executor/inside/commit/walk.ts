import {
  AT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../../../native/constants.ts';
import {
  close,
  type FileStatus,
  fstatatIfExists,
  openat,
  readDirectory,
  readlinkat,
  unlinkat,
  utimensat,
} from '../../../native/files.ts';
import type { LayerEntry, PresentEntry } from '../../../registry/oci/layer/layer-entry.ts';
import { Pace, type Pause, pause } from '../../../registry/oci/pace.ts';
import { bytesOfPath, joinPath, nameOf, pathOfBytes, type RawPath, rawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import { layerTime, second, setTime, wholeSeconds } from '../files/file-times.ts';
import { removeInSteps } from '../files/remove-tree.ts';
import { isWhiteout, looksLikeWhiteout, makeWhiteout } from '../layer/whiteouts.ts';
import { Refusal } from '../request/failure.ts';
import { isPythonCache, setSourceTime } from './python-cache.ts';
import { isSameFile, isSameFolder } from './same-file.ts';
import { keptXattrs } from './strip-xattrs.ts';

/** An entry of a layer that is being made. The digest of a file is not known yet, and empty. */
export interface FoundEntry {
  readonly entry: LayerEntry;
  /** The open file of a regular file; open until the next entry is asked for. */
  readonly fd: number | undefined;
}

/** What the walk needs to know. Both descriptors stay open. */
export interface WalkOptions {
  /** The layer folder, opened for reading. */
  readonly upperFd: number;
  /** The layers below as one tree; undefined when there are none. */
  readonly baseFd: number | undefined;
  readonly buildStartNs: bigint;
  readonly warn: (message: string) => void;
}

/**
 * The entries of a layer in the order of its tar: names sorted by bytes, folders before what is in them. On the way the layer folder
 * becomes what the layer says of it: times are set, and what makes no difference to the layers below is removed.
 *
 * The choices are BuildKit's, so that equal trees get equal digests: deletions are single explicit whiteouts, also where overlayfs
 * keeps an opaque folder; folders that only got another time are left out unless something in them changed; hard links go to the
 * first name in order; `security.capability` is the only attribute. (BuildKit util/overlay, containerd archive/tar.go)
 */
export function* walkLayer(options: WalkOptions): Generator<FoundEntry | Pause, void, undefined> {
  yield* new Walk(options).entries();
}

/** Refuses a name that a layer cannot hold. */
export function refuseWhiteoutName(path: RawPath): void {
  if (looksLikeWhiteout(nameOf(path))) {
    throw new Refusal(
      'not-supported',
      `Cannot put "/${textOfPath(path)}" into a layer: names that begin with ".wh." stand for deleted files there`,
      'Rename or remove the file in the same step',
    );
  }
}

/** A folder that is being walked. */
interface Folder {
  readonly fd: number;
  readonly path: RawPath;
  /** The same folder in the layers below. */
  readonly baseFd: number | undefined;
  /** It, or one above it, hides all that is below: every name there needs a whiteout. */
  readonly isOpaque: boolean;
}

interface Child {
  readonly folder: Folder;
  readonly name: Buffer;
  readonly path: RawPath;
  readonly status: FileStatus;
}

/** A folder whose names are being looked at. */
interface Visit {
  readonly folder: Folder;
  readonly names: Iterator<RawPath, unknown>;
  /** undefined for the top, which is not ours to close. */
  readonly origin:
    | {
        readonly child: Child;
        readonly entry: LayerEntry;
        readonly mtime: number;
        /** How many changes there had been before. */
        readonly changes: number;
      }
    | undefined;
}

class Walk {
  readonly #options: WalkOptions;
  /** Folders on the way that are written only when something in them is. */
  #pending: FoundEntry[] = [];
  readonly #firstNames = new Map<bigint, RawPath>();
  #changes = 0;
  readonly #pace = new Pace();

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  /** Without a function that calls itself: a tree may be deeper than a stack. */
  *entries(): Generator<FoundEntry | Pause, void, undefined> {
    const { upperFd, baseFd } = this.#options;
    const visits: Visit[] = [visitOf({ fd: upperFd, path: rawPath(''), baseFd, isOpaque: false }, undefined)];
    try {
      for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
        const next = visit.names.next();
        if (next.done === true) {
          yield* this.#leave(visit);
          visits.pop();
          closeVisit(visit);
        } else {
          const entered = yield* this.#name(visit.folder, next.value);
          if (entered !== undefined) visits.push(entered);
        }
      }
    } finally {
      visits.forEach(closeVisit);
    }
  }

  /** Gives the folder that it is, to be visited. */
  *#name(folder: Folder, name: RawPath): Generator<FoundEntry | Pause, Visit | undefined, undefined> {
    // A tree that is as it was gives no entries for as long as it is.
    if (this.#pace.isDue()) yield pause;
    const bytes = bytesOfPath(name);
    const path = joinPath(folder.path, name);
    const status = fstatatIfExists(folder.fd, bytes, AT.SYMLINK_NOFOLLOW);
    if (status !== undefined) return yield* this.#child({ folder, name: bytes, path, status });
    yield* this.#emit({ type: 'whiteout', path });
    return undefined;
  }

  *#child(child: Child): Generator<FoundEntry | Pause, Visit | undefined, undefined> {
    if (isWhiteout(child.status)) {
      yield* this.#whiteout(child);
      return undefined;
    }
    refuseWhiteoutName(child.path);
    const type = child.status.mode & S_IFMT;
    if (type === S_IFDIR) return yield* this.#directory(child);
    if (type === S_IFSOCK) yield* this.#socket(child);
    else yield* this.#leaf(child);
    return undefined;
  }

  *#whiteout({ folder, name, path }: Child): Generator<FoundEntry, void, undefined> {
    if (baseStatus(folder, name) === undefined) {
      // Left over from something that was made and removed again.
      this.#remove(folder, name);
    } else {
      yield* this.#emit({ type: 'whiteout', path });
    }
  }

  /** Layers cannot hold sockets. */
  *#socket({ folder, name, path }: Child): Generator<FoundEntry, void, undefined> {
    this.#options.warn(`The socket "/${textOfPath(path)}" is left out of the image`);
    this.#remove(folder, name);
    if (baseStatus(folder, name) !== undefined) {
      makeWhiteout(folder.fd, name);
      yield* this.#emit({ type: 'whiteout', path });
    }
  }

  *#directory(child: Child): Generator<FoundEntry, Visit, undefined> {
    const { folder, name, path, status } = child;
    const below = baseStatus(folder, name);
    const hasBase = below !== undefined && (below.mode & S_IFMT) === S_IFDIR;
    const fd = openat(folder.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    let baseFd: number | undefined;
    let isLeft = true;
    try {
      if (hasBase && folder.baseFd !== undefined) baseFd = openat(folder.baseFd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
      const { isOpaque } = keptXattrs(fd);
      const changes = this.#changes;
      const mtime = layerTime(status.mtimeNs, this.#options.buildStartNs);
      const entry: LayerEntry = { type: 'directory', path, ...ownership(status), mtime };
      if (below !== undefined && isSameFolder(status, below)) this.#pending.push({ entry, fd: undefined });
      else yield* this.#emit(entry);
      const visit = visitOf({ fd, path, baseFd, isOpaque: folder.isOpaque || isOpaque }, { child, entry, mtime, changes });
      isLeft = false;
      return visit;
    } finally {
      if (isLeft) closeFolder(fd, baseFd);
    }
  }

  /** When all that is in a folder has been seen. */
  *#leave({ folder: { fd }, origin }: Visit): Generator<Pause, void, undefined> {
    if (origin === undefined) return;
    const { folder, name, status } = origin.child;
    if (this.#withdraw(origin.entry) && !folder.isOpaque) {
      // Folders in one that hides what is below were left where they are.
      for (const _ of removeInSteps(folder.fd, name)) if (this.#pace.isDue()) yield pause;
      this.#changes += 1;
    } else if (this.#changes !== origin.changes || status.mtimeNs !== BigInt(origin.mtime) * second) {
      setTime(fd, origin.mtime);
    }
  }

  *#leaf(child: Child): Generator<FoundEntry | Pause, void, undefined> {
    const { folder, name, status } = child;
    const isFile = (status.mode & S_IFMT) === S_IFREG;
    const fd = isFile ? openat(folder.fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) : undefined;
    try {
      if (fd !== undefined) this.#setSourceTime(child, fd);
      const mtime = this.#setTime(child, fd);
      const xattrs = fd === undefined ? {} : keptXattrs(fd).kept;
      if (yield* this.#isUnchanged(child, mtime)) {
        this.#remove(folder, name);
        return;
      }
      yield* this.#emit({ ...this.#leafEntry(child), ...ownership(status), mtime, ...xattrs }, fd);
    } finally {
      if (fd !== undefined) close(fd);
    }
  }

  *#isUnchanged({ folder, name, status }: Child, mtime: number): Generator<Pause, boolean, undefined> {
    // A hard link is a statement about two names, so it is always written.
    const canCompare = folder.baseFd !== undefined && !folder.isOpaque && status.nlink === 1;
    return canCompare && (yield* isSameFile({ fd: folder.fd, name, status, mtime }, { fd: folder.baseFd, name }));
  }

  /** Before the time of the file itself, which this changes. */
  #setSourceTime({ folder, name, status }: Child, fd: number): void {
    const { buildStartNs } = this.#options;
    if (isPythonCache(name) && wholeSeconds(status.mtimeNs) >= wholeSeconds(buildStartNs)) {
      setSourceTime({ folderFd: folder.fd, name, fd }, buildStartNs);
    }
  }

  #setTime({ folder, name, status }: Child, fd: number | undefined): number {
    const mtime = layerTime(status.mtimeNs, this.#options.buildStartNs);
    const mtimeNs = BigInt(mtime) * second;
    if (mtimeNs !== status.mtimeNs) {
      if (fd === undefined) {
        utimensat(folder.fd, name, { mtimeNs }, AT.SYMLINK_NOFOLLOW);
      } else {
        setTime(fd, mtime);
      }
    }
    return mtime;
  }

  /** What is special to the type of an entry. */
  #leafEntry({ folder, name, path, status }: Child): LeafFields {
    const first = status.nlink > 1 ? this.#firstNames.get(status.ino) : undefined;
    if (first !== undefined) {
      return { type: 'hardlink', path, target: first };
    }
    if (status.nlink > 1) this.#firstNames.set(status.ino, path);
    const { rdevMajor: major, rdevMinor: minor } = status;
    switch (status.mode & S_IFMT) {
      case S_IFREG:
        return { type: 'file', path, size: status.size, digest: '' };
      case S_IFLNK:
        return { type: 'symlink', path, target: pathOfBytes(readlinkat(folder.fd, name)) };
      case S_IFCHR:
        return { type: 'char', path, major, minor };
      case S_IFBLK:
        return { type: 'block', path, major, minor };
      default:
        return { type: 'fifo', path };
    }
  }

  /** True when the folder was never written, because nothing in it was. */
  #withdraw(entry: LayerEntry): boolean {
    if (this.#pending.at(-1)?.entry !== entry) return false;
    this.#pending.pop();
    return true;
  }

  *#emit(entry: LayerEntry, fd?: number): Generator<FoundEntry, void, undefined> {
    const folders = this.#pending;
    this.#pending = [];
    yield* folders;
    yield { entry, fd };
  }

  #remove(folder: Folder, name: Buffer): void {
    unlinkat(folder.fd, name);
    this.#changes += 1;
  }
}

function visitOf(folder: Folder, origin: Visit['origin']): Visit {
  return { folder, names: namesOf(folder).values(), origin };
}

function closeVisit({ folder: { fd, baseFd }, origin }: Visit): void {
  if (origin !== undefined) closeFolder(fd, baseFd);
}

function closeFolder(fd: number, baseFd: number | undefined): void {
  close(fd);
  if (baseFd !== undefined) close(baseFd);
}

type Leaf = Exclude<PresentEntry, { readonly type: 'directory' }>;
type LeafFields = Leaf extends infer Entry
  ? Entry extends Leaf
    ? Omit<Entry, 'mode' | 'uid' | 'gid' | 'mtime' | 'xattrs'>
    : never
  : never;

function ownership({ mode, uid, gid }: FileStatus): { readonly mode: number; readonly uid: number; readonly gid: number } {
  return { mode: mode & 0o7777, uid, gid };
}

function baseStatus({ baseFd }: Folder, name: Buffer): FileStatus | undefined {
  return baseFd === undefined ? undefined : fstatatIfExists(baseFd, name, AT.SYMLINK_NOFOLLOW);
}

/** Sorted by bytes; with the names below when the folder hides them. */
function namesOf({ fd, baseFd, isOpaque }: Folder): RawPath[] {
  const names = readDirectory(fd).map(({ name }) => pathOfBytes(name));
  if (!isOpaque || baseFd === undefined) return names.toSorted();
  const readable = openat(baseFd, '.', O_RDONLY | O_DIRECTORY);
  try {
    const hidden = readDirectory(readable).map(({ name }) => pathOfBytes(name));
    return [...new Set([...names, ...hidden])].toSorted();
  } finally {
    close(readable);
  }
}
