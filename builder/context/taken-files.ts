import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { type CopyItems, type CopyRun, longestRun } from '../../executor/protocol/copy-list.ts';
import { joinPath, type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { type TakenFolder, TakenRun } from './taken-run.ts';
import type { FileEntry, FileTree, TreeEntry } from './tree.ts';

/** Paths in one folder that were taken behind each other. */
interface Stretch {
  readonly folder: TakenFolder;
  readonly start: number;
  /** The index after the last. */
  readonly end: number;
}

/** What is at a path of a tree: a row where the tree has rows. */
export type Seen = number | TreeEntry;

/** What a COPY takes: entries that are made when they are asked for, each time anew. */
export interface CopyEntries extends CopyItems {
  readonly length: number;
}

/**
 * The paths that are taken below one source, the source first. There can be hundreds of thousands, so each is a name and a row: an entry is made
 * of them for as long as somebody looks at it.
 */
export class TakenFiles implements CopyEntries {
  readonly #tree: FileTree;
  readonly #seen: Seen[];
  /** Relative to their folder; the source is '' in itself. */
  readonly #names: RawPath[] = [rawPath('')];
  /** The folder of those that follow, up to the next. */
  readonly #folders: TakenFolder[];
  readonly #starts: number[] = [0];

  constructor(tree: FileTree, source: RawPath, seen: Seen) {
    this.#tree = tree;
    this.#folders = [{ from: source, to: rawPath('') }];
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
    for (const { folder, start, end } of this.#stretches()) {
      for (let index = start; index < end; index++) {
        if (isUnread(this.#tree, this.#seen[index])) yield this.#pathOf(index, folder).from;
      }
    }
  }

  /** Takes what reading brought to light; false when something has vanished meanwhile. */
  refresh(): boolean {
    for (const { folder, start, end } of this.#stretches()) {
      for (let index = start; index < end; index++) if (!this.#isRead(index, folder)) return false;
    }
    return true;
  }

  #isRead(index: number, folder: TakenFolder): boolean {
    const seen = this.#seen[index];
    if (!isUnread(this.#tree, seen)) return true;
    const read = typeof seen === 'number' ? undefined : this.#tree.lookup(this.#pathOf(index, folder).from);
    if (read !== undefined) this.#seen[index] = read;
    return read !== undefined;
  }

  *[Symbol.iterator](): Generator<CopyEntry, void, undefined> {
    const names = new Map<string, RawPath>();
    for (const { folder, start, end } of this.#stretches()) {
      for (let index = start; index < end; index++) yield this.#entry(index, folder, names);
    }
  }

  *runs(): Generator<CopyEntry | CopyRun, void, undefined> {
    const names = new Map<string, RawPath>();
    for (const { folder, start, end } of this.#stretches()) {
      for (let index = start; index < end; ) {
        // The source itself is to be named by whoever takes it.
        const run = index === 0 ? undefined : this.#runAt(index, folder, end);
        yield run ?? this.#entry(index, folder, names);
        index += run?.names.length ?? 1;
      }
    }
  }

  /** The plain files from an index on; undefined when there is another there. */
  #runAt(start: number, folder: TakenFolder, end: number): CopyRun | undefined {
    const { rows } = this.#tree;
    if (rows === undefined) return undefined;
    const taken: number[] = [];
    let mode: number | undefined;
    for (const seen of this.#seen.slice(start, Math.min(end, start + longestRun))) {
      const own = typeof seen === 'number' ? rows.plainMode(seen) : undefined;
      if (typeof seen !== 'number' || own === undefined || own !== (mode ??= own)) break;
      taken.push(seen);
    }
    if (mode === undefined) return undefined;
    const names = this.#names.slice(start, start + taken.length);
    return new TakenRun(folder, { mode, names, rows: taken, columns: rows.columns });
  }

  #entry(index: number, folder: TakenFolder, names: Map<string, RawPath>): CopyEntry {
    const seen = this.#seen[index];
    if (seen === undefined) throw new RangeError(`Cannot find entry ${index} of ${this.length}`);
    return copyEntry(this.#pathOf(index, folder), entryOf(this.#tree, seen), names);
  }

  #pathOf(index: number, { from, to }: TakenFolder): TakenFolder {
    const name = this.#names[index] ?? rawPath('');
    return { from: joinPath(from, name), to: joinPath(to, name) };
  }

  *#stretches(): Generator<Stretch, void, undefined> {
    for (const [number, folder] of this.#folders.entries()) {
      const end = this.#starts[number + 1] ?? this.#seen.length;
      yield { folder, start: this.#starts[number] ?? end, end };
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
