import type { LayerEntry, PresentEntry } from '../../registry/oci/layer/layer-entry.ts';
import { type RawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import { byText } from '../../registry/oci/text/sort-order.ts';

/** What one layer does to the file system below it. */
export interface LayerContents {
  /** Entries that were not there before. */
  readonly added: number;
  /** Entries that were there and are other ones now. */
  readonly changed: number;
  /** Entries of lower layers that are gone or replaced. */
  readonly hidden: number;
  /** Bytes of the files in this layer. */
  readonly bytes: number;
  /** Of which a later layer hides this much: bytes that everybody downloads and nobody sees. */
  readonly wastedBytes: number;
  /** The largest wasted files, with the layer that hides them, counted from 0. */
  readonly wasted: readonly WastedFile[];
}

interface WastedFile {
  readonly path: string;
  readonly bytes: number;
  /** The layer that hides it, counted from 0. */
  readonly hiddenBy: number;
}

const mostWastedFiles = 10;

/** The bytes of a file, which several names may share. */
interface Content {
  readonly path: RawPath;
  readonly bytes: number;
  readonly layer: number;
  names: number;
}

interface Node {
  entry: PresentEntry | undefined;
  layer: number;
  content: Content | undefined;
  readonly children: Map<string, Node>;
}

interface Count {
  added: number;
  changed: number;
  hidden: number;
  bytes: number;
  wastedBytes: number;
  readonly wasted: WastedFile[];
}

/** Says what layers do to one another. Layers come lowest first, each with its entries in the order of its tar. */
export class LayerHistory {
  readonly #root: Node = newNode();
  readonly #layers: Count[] = [];

  /** Lays the next layer on top. Whiteouts and opaque folders count for what is below the layer only. (image-spec, layer.md) */
  async add(entries: AsyncIterable<LayerEntry>): Promise<void> {
    const layer = this.#layers.length;
    this.#layers.push({ added: 0, changed: 0, hidden: 0, bytes: 0, wastedBytes: 0, wasted: [] });
    for await (const entry of entries) {
      if (entry.type === 'whiteout') this.#hide(entry.path, layer);
      else if (entry.type === 'opaque') this.#hideChildren(this.#find(entry.path), layer);
      else this.#put(entry, layer);
    }
  }

  /** The layers so far, lowest first. */
  layers(): readonly LayerContents[] {
    return this.#layers.map((layer) => ({
      ...layer,
      wasted: layer.wasted.toSorted((a, b) => b.bytes - a.bytes || byText(a.path, b.path)).slice(0, mostWastedFiles),
    }));
  }

  #put(entry: PresentEntry, layer: number): void {
    const count = this.#layers[layer];
    if (count === undefined) return;
    const node = this.#make(entry.path);
    const before = node.entry;
    const isFolder = entry.type === 'directory';
    if (before === undefined) count.added++;
    else if (!isSame(before, entry) || node.layer === layer) count.changed++;
    if (before !== undefined && !(isFolder && before.type === 'directory')) {
      this.#release(node, layer);
      if (before.type === 'directory') this.#hideChildren(node, layer);
    }
    node.entry = entry;
    node.layer = layer;
    node.content = this.#contentOf(entry, layer);
    if (entry.type === 'file') count.bytes += entry.size;
  }

  /** A hard link shares what it links to. */
  #contentOf(entry: PresentEntry, layer: number): Content | undefined {
    if (entry.type === 'file') return { path: entry.path, bytes: entry.size, layer, names: 1 };
    const shared = entry.type === 'hardlink' ? this.#find(entry.target)?.content : undefined;
    if (shared !== undefined) shared.names++;
    return shared;
  }

  #hide(path: RawPath, layer: number): void {
    const node = this.#find(path);
    // An entry of the same layer stays, whichever comes first in the tar.
    if (node?.entry === undefined || node.layer === layer) return;
    this.#hideChildren(node, layer);
    this.#release(node, layer);
    node.entry = undefined;
  }

  #hideChildren(folder: Node | undefined, layer: number): void {
    for (const child of folder?.children.values() ?? []) {
      this.#hideChildren(child, layer);
      if (child.entry === undefined || child.layer === layer) continue;
      this.#release(child, layer);
      child.entry = undefined;
    }
  }

  /** One name of some content goes; with its last one the content is wasted. */
  #release(node: Node, layer: number): void {
    const count = this.#layers[layer];
    if (count !== undefined && node.layer !== layer) count.hidden++;
    const { content } = node;
    node.content = undefined;
    if (content === undefined || --content.names > 0) return;
    const owner = this.#layers[content.layer];
    if (owner === undefined || content.bytes === 0) return;
    owner.wastedBytes += content.bytes;
    owner.wasted.push({ path: `/${textOfPath(content.path)}`, bytes: content.bytes, hiddenBy: layer });
    if (owner.wasted.length > mostWastedFiles * 10) {
      owner.wasted.sort((a, b) => b.bytes - a.bytes);
      owner.wasted.length = mostWastedFiles;
    }
  }

  #find(path: RawPath): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of namesIn(path)) node = node?.children.get(name);
    return node;
  }

  #make(path: RawPath): Node {
    let node = this.#root;
    for (const name of namesIn(path)) {
      const child: Node = node.children.get(name) ?? newNode();
      node.children.set(name, child);
      node = child;
    }
    return node;
  }
}

function newNode(): Node {
  return { entry: undefined, layer: -1, content: undefined, children: new Map() };
}

function namesIn(path: RawPath): readonly string[] {
  return path === '' ? [] : path.split('/');
}

/** A folder that a layer only repeats, as tars do on the way to a file, is no change. */
function isSame(before: PresentEntry, entry: PresentEntry): boolean {
  return before.type === 'directory' && entry.type === 'directory' && JSON.stringify(before) === JSON.stringify(entry);
}
