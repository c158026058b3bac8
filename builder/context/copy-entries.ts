import { Pace } from '../../registry/oci/pace.ts';
import { joinPath, type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import type { MatchState, PatternList } from '../patterns/pattern-list.ts';
import { type Seen, TakenFiles } from './taken-files.ts';
import type { TakenFolder } from './taken-run.ts';
import type { FileTree, TreeRows } from './tree.ts';

/** Which files below a source are taken, by their path relative to it. The source itself always is. */
export interface Selection {
  /** undefined: all. */
  readonly includes: PatternList | undefined;
  readonly excludes: PatternList;
}

/** A folder on the way to what is looked at. It is taken when something in it is, even if it was not selected itself. */
interface Folder extends TakenFolder {
  readonly name: RawPath;
  readonly seen: Seen;
  readonly includes: MatchState | undefined;
  readonly excludes: MatchState | undefined;
  readonly parent: Folder | undefined;
  isTaken: boolean;
}

/**
 * The entries of one source: itself and, for a folder, what is selected below it. Contents are hashed. What vanishes meanwhile counts as if it
 * had not been there; undefined when that is the source itself.
 */
export async function collectEntries(
  tree: FileTree,
  source: RawPath,
  { selection, signal }: { readonly selection: Selection; readonly signal: AbortSignal | undefined },
): Promise<TakenFiles | undefined> {
  const pace = new Pace(signal);
  for (;;) {
    const taken = await select(tree, source, { selection, pace });
    if (taken === undefined) return undefined;
    await tree.hash(taken.unread());
    if (taken.refresh()) return taken;
  }
}

interface PacedSelection {
  readonly selection: Selection;
  readonly pace: Pace;
}

async function select(tree: FileTree, source: RawPath, { selection, pace }: PacedSelection): Promise<TakenFiles | undefined> {
  const entry = tree.lookup(source);
  if (entry === undefined) return undefined;
  const taken = new TakenFiles(tree, source, entry);
  if (entry.type !== 'directory') return taken;
  const root: Folder = {
    from: source,
    to: rawPath(''),
    name: rawPath(''),
    seen: entry,
    includes: undefined,
    excludes: undefined,
    parent: undefined,
    isTaken: true,
  };
  await tree.look?.(source, pace);
  const takesAll = selection.includes === undefined && selection.excludes.isEmpty;
  const childrenIn = (folder: Folder): Generator<Child> =>
    takesAll && tree.rows !== undefined ? foldersIn(folder, tree.rows, taken) : childrenOf(tree, folder);
  const stack = [childrenIn(root)];
  while (stack.length > 0) {
    const next = stack.at(-1)?.next();
    if (next === undefined || next.done === true) {
      stack.pop();
      continue;
    }
    const folder = visit(next.value, { tree, selection, taken });
    if (folder !== undefined) {
      await tree.look?.(folder.from, pace);
      stack.push(childrenIn(folder));
    }
    if (taken.length > manyFiles) await tree.expectMany?.();
    if (pace.isDue()) await pace.turn();
  }
  return taken;
}

/** Loading native code takes as long as looking at a few thousand files one by one. */
const manyFiles = 1500;

interface Child {
  readonly folder: Folder;
  readonly name: RawPath;
  readonly seen: Seen;
}

/** Takes all that is in a folder, but gives the folders. */
function* foldersIn(folder: Folder, rows: TreeRows, taken: TakenFiles): Generator<Child> {
  for (const row of rows.in(folder.from)) {
    const name = rows.name(row);
    if (rows.isFolder(row)) yield { folder, name, seen: row };
    else taken.add(folder, name, row);
  }
}

function* childrenOf(tree: FileTree, folder: Folder): Generator<Child> {
  const { rows } = tree;
  if (rows !== undefined) {
    for (const row of rows.in(folder.from)) yield { folder, name: rows.name(row), seen: row };
    return;
  }
  for (const name of tree.list(folder.from)) {
    const seen = tree.lookup(joinPath(folder.from, name));
    if (seen !== undefined) yield { folder, name, seen };
  }
}

/** Takes a child if it is selected; gives the folder to go on in. */
function visit(
  child: Child,
  { tree, selection, taken }: { readonly tree: FileTree; readonly selection: Selection; readonly taken: TakenFiles },
): Folder | undefined {
  const { folder: parent, name, seen } = child;
  const { includes, excludes } = selection;
  const isDirectory = isFolder(tree, seen);
  if (includes === undefined && excludes.isEmpty && !isDirectory) {
    taken.add(parent, name, seen);
    return undefined;
  }
  const to = joinPath(parent.to, name);
  const included = includes?.match(to, parent.includes);
  const excluded = excludes.isEmpty ? undefined : excludes.match(to, parent.excludes);
  const isTaken = included?.isMatched !== false && excluded?.isMatched !== true;
  if (isTaken) {
    takeFolders(parent, taken);
    taken.add(parent, name, seen);
  }
  if (!isDirectory) return undefined;
  if (included?.isMatched === false && includes?.canMatchBelow(to) === false) return undefined;
  if (excluded?.isMatched === true && excludes.isFinalFor(to, excluded.state)) return undefined;
  const from = joinPath(parent.from, name);
  return { from, to, name, seen, includes: included?.state, excludes: excluded?.state, parent, isTaken };
}

function isFolder({ rows }: FileTree, seen: Seen): boolean {
  return typeof seen === 'number' ? rows?.isFolder(seen) === true : seen.type === 'directory';
}

function takeFolders(folder: Folder, taken: TakenFiles): void {
  if (folder.isTaken) return;
  folder.isTaken = true;
  if (folder.parent === undefined) return;
  takeFolders(folder.parent, taken);
  taken.add(folder.parent, folder.name, folder.seen);
}
