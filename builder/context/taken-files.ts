import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { joinPath, type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import type { FileEntry, FileTree, TreeEntry } from './tree.ts';

/** A folder that something is taken from: where it is in the tree, and where it goes. */
export interface TakenFolder {
  readonly from: RawPath;
  readonly to: RawPath;
}

/** A path that is taken, and its place among them. */
interface TakenPath extends TakenFolder {
  readonly index: number;
}

/** What is at a path of a tree: a row where the tree has rows. */
export type Seen = number | TreeEntry;

/** What a COPY takes: entries that are made when they are asked for, each time anew. */
export interface CopyEntries extends Iterable<CopyEntry> {
  readonly length: number;
}

/**
 * The paths that are taken below one source, the source first. There can be hundreds of thousands, so each is a name and a row: an entry is made
 * of them for as long as somebody looks at it.
 */
export class TakenFiles implements CopyEntries {
  readonly #tree: FileTree;
  readonly #source: RawPath;
  readonly #seen: Seen[];
  readonly #names: RawPath[] = [rawPath('')];
  /** The folder of those that follow, up to the next. */
  readonly #folders: TakenFolder[] = [];
  readonly #starts: number[] = [];

  constructor(tree: FileTree, source: RawPath, seen: Seen) {
    this.#tree = tree;
    this.#source = source;
    this.#seen = [seen];
  }

  get length(): number {
    return this.#seen.length;
  }

  add(folder: TakenFolder, name: RawPath, seen: Seen): void {
    if (this.#folders.at(-1) !== folder) {
      this.#folders.push(folder);
      this.#starts.push(this.#seen.length);
    }
    this.#names.push(name);
    this.#seen.push(seen);
  }

  /** Where the files are whose content is not known. */
  *unread(): Generator<RawPath, void, undefined> {
    for (const { index, from } of this.#paths()) if (isUnread(this.#tree, this.#seen[index])) yield from;
  }

  /** Takes what reading brought to light; false when something has vanished meanwhile. */
  refresh(): boolean {
    for (const { index, from } of this.#paths()) {
      const seen = this.#seen[index];
      if (!isUnread(this.#tree, seen)) continue;
      const read = typeof seen === 'number' ? undefined : this.#tree.lookup(from);
      if (read === undefined) return false;
      this.#seen[index] = read;
    }
    return true;
  }

  *[Symbol.iterator](): Generator<CopyEntry, void, undefined> {
    const names = new Map<string, RawPath>();
    for (const path of this.#paths()) yield this.#entry(path, names);
  }

  #entry(path: TakenPath, names: Map<string, RawPath>): CopyEntry {
    const seen = this.#seen[path.index];
    if (seen === undefined) throw new RangeError(`Cannot find entry ${path.index} of ${this.length}`);
    return copyEntry(path, entryOf(this.#tree, seen), names);
  }

  *#paths(): Generator<TakenPath, void, undefined> {
    yield { index: 0, from: this.#source, to: rawPath('') };
    for (const [number, { from, to }] of this.#folders.entries()) {
      const end = this.#starts[number + 1] ?? this.#seen.length;
      for (let index = this.#starts[number] ?? end; index < end; index++) {
        const name = this.#names[index] ?? rawPath('');
        yield { index, from: joinPath(from, name), to: joinPath(to, name) };
      }
    }
  }
}

/** True for a file whose digest is not known. */
function isUnread({ rows }: FileTree, seen: Seen | undefined): boolean {
  if (typeof seen === 'number') return rows?.isUnread(seen) === true;
  return seen?.type === 'file' && seen.digest === undefined;
}

function entryOf({ rows }: FileTree, seen: Seen): TreeEntry {
  if (typeof seen !== 'number') return seen;
  if (rows === undefined) throw new Error(`Unexpected row ${seen} of a tree without rows`);
  return rows.entry(seen);
}

/** Entries out of others, made when they are asked for: `change` gives undefined for those that are left out. */
export function changedEntries(entries: CopyEntries, change: (entry: CopyEntry) => CopyEntry | undefined): CopyEntries {
  const changed = function* (): Generator<CopyEntry, void, undefined> {
    for (const entry of entries) {
      const other = change(entry);
      if (other !== undefined) yield other;
    }
  };
  let length = 0;
  for (const _ of changed()) length += 1;
  return { length, [Symbol.iterator]: changed };
}

function copyEntry(path: TakenFolder, entry: TreeEntry, names: Map<string, RawPath>): CopyEntry {
  const copied = withoutXattrs(path, entry, names);
  return entry.xattrs === undefined ? copied : { ...copied, xattrs: entry.xattrs };
}

/** Plain literals, since spreading tens of thousands of objects takes longer than all else here. */
function withoutXattrs(path: TakenFolder, entry: TreeEntry, names: Map<string, RawPath>): CopyEntry {
  const { from, to } = path;
  const { type, mode, uid, gid, mtime } = entry;
  switch (type) {
    case 'file':
      return fileEntry(path, entry, names);
    case 'symlink':
      return { type, from, to, mode, uid, gid, mtime, target: entry.target };
    case 'char':
    case 'block':
      return { type, from, to, mode, uid, gid, mtime, major: entry.major, minor: entry.minor };
    case 'socket':
      // What a socket leads to cannot be copied; BuildKit makes an empty file of it.
      return { type: 'file', from, to, mode, uid, gid, mtime, size: 0, digest: emptyDigest, inline: '' };
    case 'directory':
    case 'fifo':
      return { type, from, to, mode, uid, gid, mtime };
    default:
      return unreachable(entry);
  }
}

function fileEntry({ from, to }: TakenFolder, entry: FileEntry, names: Map<string, RawPath>): CopyEntry {
  const { type, mode, uid, gid, mtime, size, digest, stamp, link } = entry;
  const first = link === undefined ? undefined : names.get(link);
  if (first !== undefined) return { type: 'hardlink', from, to, mode, uid, gid, mtime, target: first };
  if (link !== undefined) names.set(link, to);
  if (digest === undefined) throw new Error(`Unexpected file without a digest: ${from}`);
  return stamp === undefined
    ? { type, from, to, mode, uid, gid, mtime, size, digest }
    : { type, from, to, mode, uid, gid, mtime, size, digest, identity: stamp };
}

/** sha256 of nothing. */
const emptyDigest = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
