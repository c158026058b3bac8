import { constants } from 'node:fs';
import { type FileStamp, StampedFiles } from '../../cache/records/stamped-files.ts';
import { type EncodedIdentity, encodeIdentity } from '../../executor/protocol/copy-entry.ts';
import { type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import type { DiskStatus } from './disk-status.ts';
import type { FileEntry, RowColumns, TreeEntry } from './tree.ts';

/** A name that was looked at. */
export interface SeenFile {
  readonly name: RawPath;
  readonly status: DiskStatus;
  /** Of a symbolic link. */
  readonly target: RawPath | undefined;
  readonly isApart: boolean;
}

/** What was seen of files on this machine, a row for each. Rows stay: what has vanished is hidden, and who has its row still knows what it was. */
export class SeenFiles {
  /** Of files whose digest is known. */
  readonly columns: RowColumns;
  readonly #files: StampedFiles;
  readonly #names: RawPath[] = [];
  readonly #targets = new Map<number, RawPath>();
  readonly #devices = new Map<number, { readonly major: number; readonly minor: number }>();

  /** `files` is used by nobody else to add to. */
  constructor(files: StampedFiles = new StampedFiles()) {
    this.#files = files;
    this.columns = {
      size: (row) => files.size(row),
      mtime: (row) => files.mtime(row),
      putDigest: (row, bytes, start) => files.putDigest(row, bytes, start),
      identity: (row) => identityOf(files, row),
    };
  }

  add({ name, status, target, isApart }: SeenFile): number {
    const row = this.#files.add(markOf(status, isApart), status);
    this.#names.push(name);
    const type = status.mode & constants.S_IFMT;
    if (target !== undefined) this.#targets.set(row, target);
    if (type === constants.S_IFBLK || type === constants.S_IFCHR) {
      this.#devices.set(row, { major: status.rdevMajor, minor: status.rdevMinor });
    }
    return row;
  }

  /** Takes what was seen later, while the file was read. */
  update(row: number, status: DiskStatus, isApart: boolean): void {
    this.#files.setMark(row, markOf(status, isApart));
    this.#files.setStamp(row, status);
  }

  name(row: number): RawPath {
    return this.#names[row] ?? rawPath('');
  }

  /** The row of a name among those of a folder, which are in the order of their names. */
  find(rows: readonly number[], name: RawPath): number | undefined {
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.name(rows[middle] ?? -1) < name) low = middle + 1;
      else high = middle;
    }
    const row = rows[low];
    return row !== undefined && this.name(row) === name ? row : undefined;
  }

  isVisible(row: number): boolean {
    return !this.#has(row, marks.isHidden);
  }

  hide(row: number): void {
    this.#mark(row, marks.isHidden);
  }

  isFolder(row: number): boolean {
    return this.#type(row) === constants.S_IFDIR;
  }

  isFile(row: number): boolean {
    return this.#type(row) === constants.S_IFREG;
  }

  /** A file whose digest is not known. */
  isUnread(row: number): boolean {
    return this.isFile(row) && !this.#has(row, marks.hasDigest);
  }

  /** undefined where columns do not say all of a file. */
  plainMode(row: number): number | undefined {
    const mark = this.#files.mark(row);
    const isPlain =
      (mark & constants.S_IFMT) === constants.S_IFREG && (mark & (marks.hasDigest | marks.isLinked)) === marks.hasDigest;
    return isPlain ? mark & 0o7777 : undefined;
  }

  stamp(row: number): FileStamp {
    return this.#files.stamp(row);
  }

  setDigest(row: number, hex: string): void {
    this.#files.setDigest(row, hex);
    this.setRead(row);
  }

  /** Says that the row has its digest. */
  setRead(row: number): void {
    this.#mark(row, marks.hasDigest);
  }

  /** An object that says the same. Files are most of all, so that they come first, and as plain literals: spreading takes much longer. */
  entry(row: number): TreeEntry {
    return this.isFile(row) ? this.#file(row) : this.#other(row);
  }

  #file(row: number): FileEntry {
    const mark = this.#files.mark(row);
    const mode = mark & 0o7777;
    const mtime = this.#files.mtime(row);
    const size = this.#files.size(row);
    const stamp = this.#files.stamp(row);
    const digest = (mark & marks.hasDigest) === 0 ? undefined : this.#files.digest(row);
    const entry: FileEntry = { type: 'file', mode, uid: 0, gid: 0, mtime, size, digest, stamp };
    if ((mark & (marks.isApart | marks.isLinked)) === 0) return entry;
    const apart = this.#has(row, marks.isApart) ? ({ isApart: true } as const) : undefined;
    return { ...entry, ...apart, ...(this.#has(row, marks.isLinked) && { link: `${stamp.dev}:${stamp.ino}` }) };
  }

  #other(row: number): TreeEntry {
    const mode = this.#files.mark(row) & 0o7777;
    const apart = this.#has(row, marks.isApart) ? ({ isApart: true } as const) : undefined;
    const attributes = { mode, uid: 0, gid: 0, mtime: this.#files.mtime(row), ...apart };
    switch (this.#type(row)) {
      case constants.S_IFDIR:
        return { type: 'directory', ...attributes };
      case constants.S_IFLNK:
        return { type: 'symlink', ...attributes, mode: 0o777, target: this.#targets.get(row) ?? rawPath('') };
      case constants.S_IFIFO:
        return { type: 'fifo', ...attributes };
      case constants.S_IFSOCK:
        return { type: 'socket', ...attributes };
      default: {
        const type = this.#type(row) === constants.S_IFBLK ? 'block' : 'char';
        const { major, minor } = this.#devices.get(row) ?? { major: 0, minor: 0 };
        return { type, ...attributes, major, minor };
      }
    }
  }

  #type(row: number): number {
    return this.#files.mark(row) & constants.S_IFMT;
  }

  #has(row: number, bits: number): boolean {
    return (this.#files.mark(row) & bits) !== 0;
  }

  #mark(row: number, bits: number): void {
    this.#files.setMark(row, this.#files.mark(row) | bits);
  }
}

/** Made of plain numbers where these hold the stamp: of bigints it takes ten times as long. */
function identityOf(files: StampedFiles, row: number): EncodedIdentity {
  const { size, inoLow, inoHigh, mtimeSeconds, mtimeNanoseconds, ctimeSeconds, ctimeNanoseconds } = files.parts(row);
  if (inoHigh >= 1 << 20 || mtimeSeconds <= 0 || ctimeSeconds <= 0) return encodeIdentity(files.stamp(row));
  const ino = inoLow + inoHigh * 2 ** 32;
  return `${ino} ${size} ${decimal(mtimeSeconds, mtimeNanoseconds)} ${decimal(ctimeSeconds, ctimeNanoseconds)}`;
}

/** Nanoseconds in all. */
function decimal(seconds: number, nanoseconds: number): string {
  return `${seconds}${String(nanoseconds).padStart(9, '0')}`;
}

/** Above the mode, which has the lowest 16 bits of a mark. */
const marks = { isHidden: 1 << 16, isApart: 1 << 17, hasDigest: 1 << 18, isLinked: 1 << 19 } as const;

function markOf({ mode, nlink }: DiskStatus, isApart: boolean): number {
  const isLinked = nlink > 1 && (mode & constants.S_IFMT) === constants.S_IFREG;
  return mode | (isApart ? marks.isApart : 0) | (isLinked ? marks.isLinked : 0);
}
