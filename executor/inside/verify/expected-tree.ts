import type { LayerEntry, PresentEntry } from '../../../registry/oci/layer/layer-entry.ts';
import { folderOf, prefixesOf, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';

type Deletion = Exclude<LayerEntry, PresentEntry>;

/**
 * What the index of a layer says of its folder. In archives a path may come twice, and a folder may become something else: what that leaves
 * behind is not foreseen here in all detail, and such paths are loose.
 */
export class ExpectedTree {
  /** The entries that are still there at the end of the index, in its order. */
  readonly items: ReadonlyMap<RawPath, LayerEntry>;
  readonly entries: ReadonlyMap<RawPath, PresentEntry>;
  readonly whiteouts: ReadonlySet<RawPath>;
  /** Folders that hide what is below them, by a statement of their own. */
  readonly opaque: ReadonlySet<RawPath>;
  /** Folders that something is in, written down or not. */
  readonly #folders = new Set<RawPath>();
  /** Name of a hard link -> the first name of its file. */
  readonly #roots = new Map<RawPath, RawPath>();
  /** First name -> the last entry that says something of the file. */
  readonly #shared = new Map<RawPath, PresentEntry>();
  readonly #loose: ReadonlySet<RawPath>;

  constructor(index: Iterable<LayerEntry>) {
    const { items, loose } = lasting(index);
    const all = [...items.values()];
    this.items = items;
    this.#loose = loose;
    this.entries = new Map(all.filter((entry) => !isDeletion(entry)).map((entry) => [entry.path, entry]));
    this.whiteouts = new Set(all.filter(({ type }) => type === 'whiteout').map(({ path }) => path));
    this.opaque = new Set(all.filter(({ type }) => type === 'opaque').map(({ path }) => path));
    for (const entry of all) this.#add(entry);
  }

  /** True for a folder that an archive implies, since something is in it. */
  isImplied(at: RawPath): boolean {
    return this.#folders.has(at) || this.opaque.has(at);
  }

  /** The first name of a file: several names share what is said of it. */
  rootOf(at: RawPath): RawPath {
    return this.#roots.get(at) ?? at;
  }

  /** True for a name of a file that has others. */
  isShared(at: RawPath): boolean {
    return this.#shared.has(this.rootOf(at));
  }

  /** What the last header says of a file. */
  statedOf(root: RawPath): PresentEntry | undefined {
    return this.#shared.get(root) ?? this.entries.get(root);
  }

  /** True when the index does not say for certain what is at a path. */
  isLoose(at: RawPath): boolean {
    if (this.#loose.size === 0) return false;
    return [at, this.rootOf(at), ...prefixesOf(at)].some((one) => this.#loose.has(one));
  }

  #add(entry: LayerEntry): void {
    for (let at = folderOf(entry.path); at !== '' && !this.#folders.has(at); at = folderOf(at)) this.#folders.add(at);
    if (entry.type !== 'hardlink' || entry.target === entry.path) return;
    const root = this.rootOf(entry.target);
    this.#roots.set(entry.path, root);
    this.#shared.set(root, entry);
  }
}

/** What is deleted is told by devices and attributes, and may have the path of what is there instead. */
function isDeletion(entry: LayerEntry): entry is Deletion {
  return entry.type === 'whiteout' || entry.type === 'opaque';
}

interface LastEntries {
  readonly items: ReadonlyMap<RawPath, LayerEntry>;
  readonly loose: ReadonlySet<RawPath>;
}

function lasting(index: Iterable<LayerEntry>): LastEntries {
  const last = new Map<RawPath, NumberedEntry>();
  const loose = new Set<RawPath>();
  /** When there was last something that is no folder, where a folder is now. */
  const others = new Map<RawPath, number>();
  let number = 0;
  for (const entry of index) {
    const key = isDeletion(entry) ? rawPath(`${entry.path}\0${entry.type}`) : entry.path;
    const former = last.get(key);
    if (former !== undefined) {
      last.delete(key);
      if (former.entry.type !== 'directory' || entry.type !== 'directory') loosen(former.entry, loose);
      if (former.entry.type !== 'directory') others.set(key, former.number);
    }
    if (entry.type === 'hardlink' && entry.target === entry.path) loose.add(entry.path);
    last.set(key, { entry, number: number++ });
  }
  const items = new Map<RawPath, LayerEntry>();
  for (const [key, numbered] of last) {
    if (isGone(numbered, { last, others })) loosen(numbered.entry, loose);
    else items.set(key, numbered.entry);
  }
  return { items, loose };
}

interface NumberedEntry {
  readonly entry: LayerEntry;
  readonly number: number;
}

/** What is replaced may have changed a file that has other names too. */
function loosen(entry: LayerEntry, loose: Set<RawPath>): void {
  if (isDeletion(entry)) return;
  loose.add(entry.path);
  if (entry.type === 'hardlink') loose.add(entry.target);
}

interface Replacements {
  readonly last: ReadonlyMap<RawPath, NumberedEntry>;
  readonly others: ReadonlyMap<RawPath, number>;
}

/** True for what was in a folder that something else has replaced since, or that is none any more. */
function isGone({ entry, number }: NumberedEntry, { last, others }: Replacements): boolean {
  for (let folder = folderOf(entry.path); folder !== ''; folder = folderOf(folder)) {
    const above = last.get(folder);
    if (above !== undefined && above.entry.type !== 'directory') return true;
    if ((others.get(folder) ?? -1) > number) return true;
  }
  return false;
}
