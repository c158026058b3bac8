import type { LayerIndex } from '../../cache/snapshots/layer-index.ts';
import type { PresentEntry } from '../../registry/oci/layer/layer-entry.ts';
import { folderOf, nameOf, type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import type { FileTree, TreeEntry } from './tree.ts';

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

  /** What was listed: nothing changes when all layers are in. */
  readonly #names = new Map<RawPath, readonly RawPath[]>();

  /** `layers` lowest first. */
  constructor(name: string, layers: readonly LayerIndex[]) {
    this.name = name;
    for (const [number, layer] of layers.entries()) this.#apply(layer, number);
  }

  lookup(path: RawPath): TreeEntry | undefined {
    return this.#find(path)?.entry;
  }

  list(path: RawPath): readonly RawPath[] {
    const known = this.#names.get(path);
    if (known !== undefined) return known;
    const names = [...(this.#find(path)?.children?.keys() ?? [])].toSorted();
    this.#names.set(path, names);
    return names;
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
  if (entry.type !== 'hardlink') return sharedEntry(layer, entry, number);
  const target = layer.entries.get(entry.target);
  return target === undefined || target.type === 'hardlink' ? entry.target : sharedEntry(layer, target, number);
}

/** Hard links say of the file that they share what its own entry says, or something newer: the last one counts. */
function sharedEntry(layer: LayerIndex, entry: Exclude<PresentEntry, HardLink>, number: number): TreeEntry {
  const { path, ...rest } = entry;
  const last = rest.type === 'directory' ? undefined : lastLinks(layer).get(path);
  if (last === undefined) return rest;
  const { uid, gid, mtime } = last;
  if (rest.type === 'symlink') return { ...rest, uid, gid };
  const shared = {
    ...rest,
    uid,
    gid,
    mtime,
    mode: last.mode,
    ...(last.xattrs && { xattrs: { ...rest.xattrs, ...last.xattrs } }),
  };
  return shared.type === 'file' ? { ...shared, link: `${number}:${path}` } : shared;
}

type HardLink = Extract<PresentEntry, { readonly type: 'hardlink' }>;

const linksOfLayers = new WeakMap<LayerIndex, ReadonlyMap<RawPath, HardLink>>();

/** The last hard link to each path of a layer. */
function lastLinks(layer: LayerIndex): ReadonlyMap<RawPath, HardLink> {
  const known = linksOfLayers.get(layer);
  if (known !== undefined) return known;
  const links = new Map<RawPath, HardLink>();
  for (const entry of layer.entries.values()) if (entry.type === 'hardlink') links.set(entry.target, entry);
  linksOfLayers.set(layer, links);
  return links;
}
