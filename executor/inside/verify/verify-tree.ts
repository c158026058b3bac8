import { dirname } from 'node:path';
import { AT, AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from '../../../native/constants.ts';
import {
  close,
  type DirectoryEntry,
  type FileStatus,
  fstatat,
  fstatatIfExists,
  openat,
  readDirectory,
  readlinkat,
} from '../../../native/files.ts';
import { isMapped } from '../../../native/id-extents.ts';
import { currentIdMaps } from '../../../native/identity.ts';
import { fgetXattr } from '../../../native/xattrs.ts';
import type { PresentEntry } from '../../../registry/oci/layer/layer-entry.ts';
import { type Pace, type Pause, pause } from '../../../registry/oci/pace.ts';
import { joinPath, pathOfBytes, type RawPath, rawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import { unreachable } from '../../../registry/oci/unreachable.ts';
import { wholeSeconds } from '../files/file-times.ts';
import { fileTypeOf } from '../files/file-type.ts';
import { isUsualWhiteout, isWhiteout, opaqueXattr } from '../layer/whiteouts.ts';
import { isSingleId } from '../root/mapped-ids.ts';
import { findHidden, findUncovered } from '../unpack/ghosts.ts';
import type { ExpectedTree } from './expected-tree.ts';

/** A layer folder, and what is known of it. */
export interface LayerFolder {
  readonly fs: string;
  readonly expected: ExpectedTree;
  /** Its index makes its tar, so that nothing in it is only implied. */
  readonly isMade: boolean;
  /** The folders of the layers below, lowest first; undefined when they are not there, or others. */
  readonly lowers: readonly string[] | undefined;
  /** Its files have the owners of this user namespace. */
  readonly hasOurIds: boolean;
}

/**
 * Compares all of a layer folder with its index but the content of files: what is there, and what should not be, types, modes, owners,
 * times, targets, hard links, and what the folder hides of the layers below.
 *
 * @throws Error for the first difference
 */
export async function verifyTree(folder: LayerFolder, pace: Pace): Promise<void> {
  const root = openat(AT_FDCWD, folder.fs, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const comparison = new Comparison(folder);
    for (const _ of comparison.compare(root)) if (pace.isDue()) await pace.turn();
    const uncovered = comparison.uncoveredWhiteouts();
    if (folder.lowers === undefined) return;
    const layers = { rootFd: root, lowers: folder.lowers };
    const isTold = (at: RawPath): boolean => comparison.isTold(at);
    const differing =
      (await findUncovered(uncovered, layers, pace)) ?? (await findHidden(comparison.opaqueFolders(), layers, { isTold, pace }));
    if (differing !== undefined) throw changed(differing);
  } finally {
    close(root);
  }
}

interface Folder {
  readonly fd: number;
  readonly path: RawPath;
  /** It, or one above it, hides what the layers below have. */
  readonly isOpaque: boolean;
}

interface Visit {
  readonly folder: Folder;
  readonly names: Iterator<DirectoryEntry, unknown>;
}

interface ComparedFile {
  readonly folder: Folder;
  readonly name: Buffer;
  readonly path: RawPath;
  readonly status: FileStatus;
}

class Comparison {
  readonly #folder: LayerFolder;
  readonly #expected: ExpectedTree;
  readonly #missing: Map<RawPath, PresentEntry>;
  readonly #deleted = new Set<RawPath>();
  /** Folders that are there, and that the index need not tell of. */
  readonly #untold = new Set<RawPath>();
  /** Folders that hide what is below them; and those of them that are in no other. */
  readonly #opaque = new Set<RawPath>();
  readonly #hiding = new Set<RawPath>();
  readonly #inodes = new Map<RawPath, bigint>();
  readonly #ids = currentIdMaps();

  constructor(folder: LayerFolder) {
    this.#folder = folder;
    this.#expected = folder.expected;
    this.#missing = new Map(folder.expected.entries);
  }

  /** Gives a pause after each name. */
  *compare(fd: number): Generator<Pause, void, undefined> {
    const path = rawPath('');
    const root = this.#expected.entries.get(path);
    if (root !== undefined && !this.#hasAttributes(root, fstatat(fd, '', AT.EMPTY_PATH))) this.#differs(path);
    this.#missing.delete(path);
    yield* this.#entries(fd);
    for (const [at, { type }] of this.#missing) if (type !== 'char' && type !== 'block') this.#differs(at);
    for (const at of this.#expected.opaque) if (!this.#opaque.has(at)) this.#differs(at);
  }

  /** Whiteouts for which there is neither a device nor an opaque folder: they have nothing to hide, or are lost. */
  uncoveredWhiteouts(): readonly RawPath[] {
    const { whiteouts, entries } = this.#expected;
    return [...whiteouts].filter((at) => {
      if (this.#deleted.has(at) || this.#expected.isLoose(at)) return false;
      const isThere = entries.has(at) || this.#expected.isImplied(at);
      if (!isThere) return true;
      const isFolder = entries.get(at)?.type === 'directory' || !entries.has(at);
      if (isFolder && !this.#opaque.has(at)) throw changed(at);
      return false;
    });
  }

  /** Folders that hide what is below them, and that no other such folder is around. The index says it, or names all that is hidden. */
  opaqueFolders(): readonly RawPath[] {
    const { opaque, whiteouts } = this.#expected;
    return [...this.#hiding].filter((at) => !opaque.has(at) && !whiteouts.has(at) && !this.#expected.isLoose(at));
  }

  /** True when the index says what is at a path, or that nothing is. */
  isTold(at: RawPath): boolean {
    const { entries, whiteouts } = this.#expected;
    return entries.has(at) || whiteouts.has(at) || this.#untold.has(at);
  }

  /** Without a function that calls itself: a tree may be deeper than a stack. */
  *#entries(fd: number): Generator<Pause, void, undefined> {
    const visits = [this.#visit({ fd, path: rawPath(''), isOpaque: false })];
    try {
      for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
        yield pause;
        const next = visit.names.next();
        const entered = next.done === true ? undefined : this.#name(visit.folder, next.value.name);
        if (entered !== undefined) visits.push(this.#visit(entered));
        if (next.done === true) leave(visits);
      }
    } finally {
      while (visits.length > 0) leave(visits);
    }
  }

  #visit({ fd, path, isOpaque: isBelowOpaque }: Folder): Visit {
    const isOpaque = fgetXattr(fd, opaqueXattr)?.toString() === 'y';
    if (isOpaque) this.#opaque.add(path);
    if (isOpaque && !isBelowOpaque) this.#hiding.add(path);
    const names = readDirectory(fd)[Symbol.iterator]();
    return { folder: { fd, path, isOpaque: isBelowOpaque || isOpaque }, names };
  }

  /** Gives the folder that it is. */
  #name(folder: Folder, name: Buffer): Folder | undefined {
    const status = fstatatIfExists(folder.fd, name, AT.SYMLINK_NOFOLLOW);
    if (status === undefined) return undefined;
    const found = { folder, name, path: joinPath(folder.path, pathOfBytes(name)), status };
    if (!isWhiteout(status) || !isUsual(this.#folder.fs, status)) return this.#present(found);
    this.#deletion(found);
    return undefined;
  }

  #deletion({ path }: ComparedFile): void {
    this.#deleted.add(path);
    if (!this.#expected.whiteouts.has(path)) this.#differs(path);
  }

  #present(found: ComparedFile): Folder | undefined {
    const { folder, name, path, status } = found;
    const isFolder = fileTypeOf(status) === 'directory';
    const entry = this.#expected.entries.get(path);
    if (entry !== undefined) this.#entry(found);
    else if (isFolder && this.#mayBeImplied(found)) this.#untold.add(path);
    else this.#differs(path);
    this.#missing.delete(path);
    if (!isFolder) return undefined;
    return { fd: openat(folder.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path, isOpaque: folder.isOpaque };
  }

  /** A step leaves folders that are as below where it cannot show that they are: in those that hide all that is below. */
  #mayBeImplied({ path, folder }: ComparedFile): boolean {
    return this.#expected.isImplied(path) || (this.#folder.isMade && folder.isOpaque);
  }

  #entry(found: ComparedFile): void {
    const { path, status } = found;
    const root = this.#expected.rootOf(path);
    const entry = this.#expected.entries.get(root);
    const stated = this.#expected.statedOf(root);
    // A link to what an archive does not hold, or replaced, says nothing for certain.
    if (entry === undefined || stated === undefined || entry.type === 'hardlink') return;
    const isSame = this.#isSameInode(root, status) && isSameKind(entry, found) && this.#hasAttributes(stated, status);
    if (!isSame || !hasTime(entry.type === 'symlink' ? entry : stated, status)) this.#differs(path);
  }

  #isSameInode(root: RawPath, { ino }: FileStatus): boolean {
    if (!this.#expected.isShared(root)) return true;
    const first = this.#inodes.get(root) ?? ino;
    this.#inodes.set(root, first);
    return first === ino;
  }

  #hasAttributes({ mode, uid, gid }: PresentEntry, status: FileStatus): boolean {
    const isLink = fileTypeOf(status) === 'symlink';
    if (!isLink && (status.mode & 0o7777) !== (mode & 0o7777)) return false;
    if (!this.#folder.hasOurIds) return true;
    const isKept = isMapped(uid, this.#ids.uids) && isMapped(gid, this.#ids.gids);
    if (isKept) return status.uid === uid && status.gid === gid;
    // What was unpacked with one id belongs to that.
    return !isSingleId(this.#ids) || (status.uid === 0 && status.gid === 0);
  }

  #differs(path: RawPath): void {
    if (!this.#expected.isLoose(path)) throw changed(path);
  }
}

/** The top is not ours to close. */
function leave(visits: Visit[]): void {
  const left = visits.pop();
  if (left !== undefined && visits.length > 0) close(left.folder.fd);
}

type WithInode = Exclude<PresentEntry, { readonly type: 'hardlink' }>;

function isSameKind(entry: WithInode, { folder, name, status }: ComparedFile): boolean {
  if (fileTypeOf(status) !== entry.type) return false;
  switch (entry.type) {
    case 'file':
      return status.size === entry.size;
    case 'symlink':
      return pathOfBytes(readlinkat(folder.fd, name)) === entry.target;
    case 'char':
    case 'block':
      return status.rdevMajor === entry.major && status.rdevMinor === entry.minor;
    case 'directory':
    case 'fifo':
      return true;
    default:
      return unreachable(entry);
  }
}

/** Some file systems cannot hold times before 1970 or after 2038. */
function hasTime({ mtime }: PresentEntry, { mtimeNs }: FileStatus): boolean {
  return mtime < 0 || mtime >= 2 ** 31 - 1 || wholeSeconds(mtimeNs) === mtime;
}

/** What a path in a layer is not any more. */
export function changed(file: RawPath): Error {
  return new Error(`"${textOfPath(file)}" is not what it was`);
}

/** Looked for beside the folder, where there is more than the layer. */
function isUsual(fs: string, status: FileStatus): boolean {
  const fd = openat(AT_FDCWD, dirname(fs), O_PATH | O_DIRECTORY);
  try {
    return isUsualWhiteout(fd, status);
  } finally {
    close(fd);
  }
}
