import { describeNode } from './describe-node.ts';
import type { LayerLine } from './read-result.ts';
import type { Node, Tree } from './tree.ts';

/** A file of a merged tree; names of one file share the object. */
type Inode = Exclude<Node, { readonly type: 'hard' }>;

/** The layers one on top of the other, hard links resolved to the first of their names. */
export function mergedTree(layers: readonly (readonly LayerLine[])[]): Tree {
  const merged = new Map<string, Inode>();
  for (const layer of layers) {
    hideLower(merged, layer);
    for (const line of layer) if (line.kind === 'node') put(merged, line.path, line.node);
  }
  return withHardLinks(merged);
}

/** What a result has that its base has not, and the other way round. */
export function changes(base: Tree, result: Tree): { readonly tree: Tree; readonly removed: readonly string[] } {
  const tree = Object.entries(result).filter(([path, node]) => {
    const before = base[path];
    return before === undefined || describeNode(withoutTime(before)) !== describeNode(withoutTime(node));
  });
  const removed = Object.keys(base).filter((path) => !(path in result));
  return { tree: Object.fromEntries(tree), removed: removed.filter((path) => !removed.includes(parentOf(path))) };
}

/** A node of which nobody asks the time. */
export function withoutTime(node: Node): Node {
  return node.type === 'hard' ? node : { ...node, mtime: undefined };
}

function hideLower(merged: Map<string, Inode>, layer: readonly LayerLine[]): void {
  const own = new Set(layer.flatMap((line) => (line.kind === 'node' ? [line.path] : [])));
  for (const line of layer) {
    if (line.kind === 'whiteout' && !own.has(line.path)) merged.delete(line.path);
    if (line.kind !== 'node') removeBelow(merged, line.path);
    // Something else than a folder in the place of a folder.
    else if (line.node.type !== 'folder') removeBelow(merged, line.path);
  }
}

function removeBelow(merged: Map<string, Inode>, folder: string): void {
  for (const path of merged.keys()) if (path.startsWith(`${folder}/`) || folder === '') merged.delete(path);
}

function put(merged: Map<string, Inode>, path: string, node: Node): void {
  // The root's own entry is nobody's business.
  if (path === '' || path === '.') return;
  const inode = node.type === 'hard' ? merged.get(node.target) : node;
  if (inode === undefined) throw new Error(`The hard link "${path}" leads nowhere`);
  merged.set(path, inode);
}

function withHardLinks(merged: ReadonlyMap<string, Inode>): Tree {
  const first = new Map<Inode, string>();
  const tree: Record<string, Node> = {};
  for (const path of [...merged.keys()].toSorted()) {
    const inode = merged.get(path);
    if (inode === undefined) continue;
    const target = first.get(inode);
    tree[path] = target === undefined ? inode : { type: 'hard', target };
    if (target === undefined) first.set(inode, path);
  }
  return tree;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
