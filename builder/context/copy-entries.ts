import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { Pace } from '../../registry/oci/pace.ts';
import { joinPath, type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import type { MatchState, PatternList } from '../patterns/pattern-list.ts';
import type { FileEntry, FileTree, TreeEntry } from './tree.ts';

/** Which files below a source are taken, by their path relative to it. The source itself always is. */
export interface Selection {
  /** undefined: all. */
  readonly includes: PatternList | undefined;
  readonly excludes: PatternList;
}

/** A folder on the way to what is looked at. It is taken when something in it is, even if it was not selected itself. */
interface Folder {
  readonly from: RawPath;
  readonly to: RawPath;
  readonly entry: TreeEntry;
  readonly includes: MatchState | undefined;
  readonly excludes: MatchState | undefined;
  readonly parent: Folder | undefined;
  isTaken: boolean;
}

/** A path that is taken, and what was there: looking twice takes time when there are tens of thousands. */
interface Taken {
  readonly from: RawPath;
  readonly to: RawPath;
  readonly entry: TreeEntry;
}

/**
 * The entries of one source: itself and, for a folder, what is selected below it. Contents are hashed. What vanishes meanwhile counts as if it
 * had not been there; undefined when that is the source itself.
 */
export async function collectEntries(
  tree: FileTree,
  source: RawPath,
  { selection, signal }: { readonly selection: Selection; readonly signal: AbortSignal | undefined },
): Promise<readonly CopyEntry[] | undefined> {
  const pace = new Pace(signal);
  for (;;) {
    const taken = await select(tree, source, { selection, pace });
    const unread = taken.filter(needsHash);
    await tree.hash(unread.map(({ from }) => from));
    if (unread.some(({ from }) => tree.lookup(from) === undefined)) continue;
    return taken.length === 0 ? undefined : listed(tree, taken, pace);
  }
}

async function listed(tree: FileTree, taken: readonly Taken[], pace: Pace): Promise<readonly CopyEntry[]> {
  const names = new Map<string, RawPath>();
  const entries: CopyEntry[] = [];
  for (const path of taken) {
    entries.push(copyEntry(path, (needsHash(path) ? tree.lookup(path.from) : undefined) ?? path.entry, names));
    if (pace.isDue()) await pace.turn();
  }
  return entries;
}

function needsHash({ entry }: Taken): boolean {
  return entry.type === 'file' && entry.digest === undefined;
}

interface PacedSelection {
  readonly selection: Selection;
  readonly pace: Pace;
}

async function select(tree: FileTree, source: RawPath, { selection, pace }: PacedSelection): Promise<readonly Taken[]> {
  const entry = tree.lookup(source);
  if (entry === undefined) return [];
  const taken: Taken[] = [{ from: source, to: rawPath(''), entry }];
  if (entry.type !== 'directory') return taken;
  const root: Folder = {
    from: source,
    to: rawPath(''),
    entry,
    includes: undefined,
    excludes: undefined,
    parent: undefined,
    isTaken: true,
  };
  await tree.look?.(source, pace);
  const stack = [childrenOf(tree, root)];
  while (stack.length > 0) {
    const next = stack.at(-1)?.next();
    if (next === undefined || next.done === true) {
      stack.pop();
      continue;
    }
    const folder = visit(next.value, { tree, selection, taken });
    if (folder !== undefined) {
      await tree.look?.(folder.from, pace);
      stack.push(childrenOf(tree, folder));
    }
    if (!pace.isDue()) continue;
    if (taken.length > manyFiles) await tree.expectMany?.();
    await pace.turn();
  }
  return taken;
}

/** Loading native code takes as long as looking at some thousands of files one by one. */
const manyFiles = 4000;

interface Child {
  readonly folder: Folder;
  readonly name: RawPath;
}

function* childrenOf(tree: FileTree, folder: Folder): Generator<Child> {
  for (const name of tree.list(folder.from)) yield { folder, name };
}

/** Takes a child if it is selected; gives the folder to go on in. */
function visit(child: Child, into: { tree: FileTree; selection: Selection; taken: Taken[] }): Folder | undefined {
  const { tree, selection, taken } = into;
  const parent = child.folder;
  const from = joinPath(parent.from, child.name);
  const to = joinPath(parent.to, child.name);
  const included = selection.includes?.match(to, parent.includes);
  const excluded = selection.excludes.isEmpty ? undefined : selection.excludes.match(to, parent.excludes);
  const entry = tree.lookup(from);
  if (entry === undefined) return undefined;
  const isTaken = included?.isMatched !== false && excluded?.isMatched !== true;
  if (isTaken) {
    takeFolders(parent, taken);
    taken.push({ from, to, entry });
  }
  if (entry.type !== 'directory') return undefined;
  if (included?.isMatched === false && selection.includes?.canMatchBelow(to) === false) return undefined;
  if (excluded?.isMatched === true && selection.excludes.isFinalFor(to, excluded.state)) return undefined;
  return { from, to, entry, includes: included?.state, excludes: excluded?.state, parent, isTaken };
}

function takeFolders(folder: Folder, taken: Taken[]): void {
  if (folder.isTaken) return;
  folder.isTaken = true;
  if (folder.parent !== undefined) takeFolders(folder.parent, taken);
  taken.push({ from: folder.from, to: folder.to, entry: folder.entry });
}

function copyEntry(path: Taken, entry: TreeEntry, names: Map<string, RawPath>): CopyEntry {
  const copied = withoutXattrs(path, entry, names);
  return entry.xattrs === undefined ? copied : { ...copied, xattrs: entry.xattrs };
}

/** Plain literals, since spreading tens of thousands of objects takes longer than all else here. */
function withoutXattrs(path: Taken, entry: TreeEntry, names: Map<string, RawPath>): CopyEntry {
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

function fileEntry({ from, to }: Taken, entry: FileEntry, names: Map<string, RawPath>): CopyEntry {
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
