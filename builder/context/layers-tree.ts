import type { LayerIndex, PresentEntry } from '../../cache/layer-index.ts';
import { type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { type FileTree, folderOf, nameOf, type TreeEntry } from './tree.ts';

/** A path in the merged view, and what is below it. */
interface Node {
  entry: TreeEntry;
  /** Of folders. */
  children: Map<RawPath, Node> | undefined;
}

/**
 * The files of a chain of layers, merged as an overlay would, from the layers' indexes alone: the file system is not touched. Folders that
 * a layer implies without naming them take what the layers below say, else root's and 0755.
 */
export class LayersTree implements FileTree {
  readonly name: string;
  readonly #root: Node = { entry: impliedFolder, children: new Map() };

  /** `layers` lowest first. */
  constructor(name: string, layers: readonly LayerIndex[]) {
    this.name = name;
    for (const [number, layer] of layers.entries()) this.#apply(layer, number);
  }

  lookup(path: RawPath): TreeEntry | undefined {
    return this.#find(path)?.entry;
  }

  list(path: RawPath): readonly RawPath[] {
    return [...(this.#find(path)?.children?.keys() ?? [])].toSorted();
  }

  /** The indexes hold all digests. */
  async hash(): Promise<void> {}

  #apply(layer: LayerIndex, number: number): void {
    // What a layer hides is what lies below the layer, never what the layer itself brings, so that comes first.
    for (const path of layer.whiteouts) this.#remove(path);
    for (const path of layer.opaque) this.#find(path)?.children?.clear();
    for (const [path, entry] of layer.entries) this.#put(path, entryIn(layer, entry, number), number);
  }

  #put(path: RawPath, entry: TreeEntry | RawPath, number: number): void {
    const resolved = typeof entry === 'string' ? this.#shared(entry, number) : entry;
    if (resolved === undefined) return;
    if (path === '') {
      this.#root.entry = resolved;
      return;
    }
    const siblings = this.#folder(folderOf(path));
    const name = nameOf(path);
    const present = siblings.get(name);
    if (resolved.type === 'directory' && present?.children !== undefined) present.entry = resolved;
    else siblings.set(name, { entry: resolved, children: resolved.type === 'directory' ? new Map() : undefined });
  }

  /** A hard link to a file of a lower layer. Layers of our own never hold one; foreign ones may. */
  #shared(target: RawPath, number: number): TreeEntry | undefined {
    const node = this.#find(target);
    if (node === undefined || node.children !== undefined) return undefined;
    if (node.entry.type === 'file') node.entry = { ...node.entry, link: node.entry.link ?? `${number}:${target}` };
    return node.entry;
  }

  #remove(path: RawPath): void {
    this.#find(folderOf(path))?.children?.delete(nameOf(path));
  }

  #find(path: RawPath): Node | undefined {
    let node: Node | undefined = this.#root;
    if (path === '') return node;
    for (const component of path.split('/')) {
      node = node.children?.get(rawPath(component));
      if (node === undefined) return undefined;
    }
    return node;
  }

  /** The children of a folder, which is made with all above it when it is missing or something else. */
  #folder(path: RawPath): Map<RawPath, Node> {
    const found = this.#find(path)?.children;
    if (found !== undefined) return found;
    const children = new Map<RawPath, Node>();
    if (path === '') this.#root.children = children;
    else this.#folder(folderOf(path)).set(nameOf(path), { entry: impliedFolder, children });
    return children;
  }
}

const impliedFolder: TreeEntry = { type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0 };

/** The entry, or for a hard link to a lower layer the path that it shares. */
function entryIn(layer: LayerIndex, entry: PresentEntry, number: number): TreeEntry | RawPath {
  if (entry.type !== 'hardlink') return entryOf(entry, linkOf(layer, entry, number));
  const target = layer.entries.get(entry.target);
  if (target === undefined || target.type === 'hardlink') return entry.target;
  return entryOf(target, `${number}:${target.path}`);
}

/** Files that a hard link of their layer names share an identity with it. */
function linkOf(layer: LayerIndex, entry: PresentEntry, number: number): string | undefined {
  return entry.type === 'file' && linkTargets(layer).has(entry.path) ? `${number}:${entry.path}` : undefined;
}

const targetsOfLayers = new WeakMap<LayerIndex, ReadonlySet<RawPath>>();

function linkTargets(layer: LayerIndex): ReadonlySet<RawPath> {
  const known = targetsOfLayers.get(layer);
  if (known !== undefined) return known;
  const targets = new Set<RawPath>();
  for (const entry of layer.entries.values()) if (entry.type === 'hardlink') targets.add(entry.target);
  targetsOfLayers.set(layer, targets);
  return targets;
}

function entryOf(entry: Exclude<PresentEntry, { readonly type: 'hardlink' }>, link: string | undefined): TreeEntry {
  const { path: _path, ...rest } = entry;
  return rest.type === 'file' && link !== undefined ? { ...rest, link } : rest;
}
