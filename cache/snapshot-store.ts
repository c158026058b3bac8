import { access, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Digest, hexOf } from '../registry/oci/digest.ts';
import type { LayerEntry } from '../registry/oci/layer-entry.ts';
import { errnoOf, isMissing, orStoreError, StoreError, storeError } from './errors.ts';
import { fileMode, makeFolder, readIfThere, temporaryPrefix } from './files.ts';
import { type GroupCommit, syncFileSystem } from './group-commit.ts';
import { digestOrUndefined, type JsonObject, parseRecord, touch } from './json-record.ts';
import { type LayerIndex, loadLayerIndex, readLayerIndex } from './layer-index.ts';
import { removeTree } from './remove-tree.ts';
import { isAbandoned, type Session } from './session.ts';
import { type StoreLayout, snapshotFiles } from './store-layout.ts';

/** What is known of the layer that a snapshot holds. */
export interface LayerFacts {
  readonly diffId: Digest;
  /** Bytes of the uncompressed tar. */
  readonly sizeBytes: number;
  readonly entries: number;
}

/** A file-system state: the layer's folder on top of the parents. */
export interface Snapshot {
  readonly chainId: Digest;
  readonly parent: Digest | undefined;
  /** Absolute; holds `index`, and `fs/` unless it is packed: see isPacked(). */
  readonly directory: string;
  readonly facts: LayerFacts;
}

interface CommitDetails {
  readonly chainId: Digest;
  readonly parent: Digest | undefined;
  readonly facts: LayerFacts;
}

/** Snapshots by ChainID. A snapshot without `meta.json` does not exist for other builds, whatever else is in its folder. */
export class SnapshotStore {
  readonly #layout: StoreLayout;
  readonly #session: () => Promise<Session>;
  readonly #group: GroupCommit;
  /** Committed by this build, or read before. Paths do not change while a build runs. */
  readonly #known = new Map<Digest, Snapshot>();
  /** Those that are known to have their folder, which stays. */
  readonly #withFolder = new Set<Digest>();

  constructor(layout: StoreLayout, services: { session: () => Promise<Session>; group: GroupCommit }) {
    this.#layout = layout;
    this.#session = services.session;
    this.#group = services.group;
  }

  /** A new, empty folder for the worker to make a layer in. It vanishes with the build unless it is committed. */
  async prepare(): Promise<string> {
    const folder = (await this.#session()).newPath();
    await orStoreError(() => makeFolder(folder), 'prepare a snapshot', folder);
    return folder;
  }

  /**
   * Takes a finished folder into the store. This build can use the snapshot at once; others see it after the next flush. When the
   * snapshot exists already, that one is returned and the folder stays behind as waste of the session.
   */
  async commit(folder: string, details: CommitDetails): Promise<Snapshot> {
    const existing = await this.get(details.chainId);
    if (existing !== undefined) return existing;
    const session = await this.#session();
    await orStoreError(() => prepareMeta(folder, details, session.name), 'commit a snapshot', folder);
    const directory = await this.#moveIn(folder, details.chainId);
    const snapshot = { ...details, directory };
    this.#known.set(details.chainId, snapshot);
    this.#group.add({ order: 'snapshot', target: directory, publish: () => publish(directory) });
    return snapshot;
  }

  /** The snapshot of a chain, or undefined. */
  async get(chainId: Digest): Promise<Snapshot | undefined> {
    const known = this.#known.get(chainId);
    if (known !== undefined) return known;
    const snapshot = await readSnapshot(this.#layout.snapshot(chainId), chainId);
    if (snapshot !== undefined) this.#known.set(chainId, snapshot);
    return snapshot;
  }

  /**
   * A snapshot whose layer can be made again: ours, or one with another id map, whose folder must not be used as it is. What the index says of
   * owners holds for both.
   */
  async withAnyIds(chainId: Digest): Promise<Snapshot | undefined> {
    const ours = await this.get(chainId);
    if (ours !== undefined) return ours;
    const hex = hexOf(chainId);
    const names = (await this.list()).filter((name) => name === hex || name.startsWith(`${hex}.`));
    for (const name of names) {
      const snapshot = await readSnapshot(path.join(this.#layout.snapshots, name), chainId);
      if (snapshot !== undefined) return snapshot;
    }
    return undefined;
  }

  /** Forgets what was found, which is no answer any more. */
  forgetFound(): void {
    this.#known.clear();
    this.#withFolder.clear();
  }

  /**
   * Gives a packed snapshot its folder: `folder`/fs, unpacked from its tar, which then goes. The folder is durable before it is seen. When
   * another build was faster, `folder` stays behind as waste of the session.
   */
  async unpacked(snapshot: Snapshot, folder: string): Promise<void> {
    const { chainId, directory } = snapshot;
    const show = async (): Promise<void> => {
      if (await hasNoFolder(directory)) {
        await syncFileSystem(folder);
        await renameUnlessThere(path.join(folder, snapshotFiles.tree), path.join(directory, snapshotFiles.tree));
      }
      await rm(path.join(directory, snapshotFiles.packed), { force: true });
    };
    await orStoreError(show, `unpack snapshot ${chainId}`, directory);
    this.#withFolder.add(chainId);
  }

  /** True while the layer is kept as its tar: nobody has needed its folder, in this build or another one. See unpacked(). */
  async isPacked({ chainId, directory }: Snapshot): Promise<boolean> {
    if (this.#withFolder.has(chainId)) return false;
    if (await hasNoFolder(directory)) return true;
    this.#withFolder.add(chainId);
    return false;
  }

  /**
   * The layer folders of a chain, lowest first, absolute. Throws a StoreError ('corrupt') when one is missing; look with hasFolders()
   * where that is to be expected.
   */
  async lowersOf(chainId: Digest | undefined): Promise<readonly string[]> {
    const lowers: string[] = [];
    for (const snapshot of await this.chainOf(chainId)) {
      if (await this.isPacked(snapshot)) throw new Error(`the snapshot ${snapshot.directory} is packed`);
      lowers.push(path.join(snapshot.directory, snapshotFiles.tree));
    }
    return lowers;
  }

  /** The snapshots of a chain, lowest first. */
  async chainOf(chainId: Digest | undefined): Promise<readonly Snapshot[]> {
    const chain: Snapshot[] = [];
    for (let id = chainId; id !== undefined; ) {
      const snapshot = await this.get(id);
      if (snapshot === undefined) throw incomplete(this.#layout.snapshot(id), id);
      chain.push(snapshot);
      id = snapshot.parent;
    }
    return chain.toReversed();
  }

  /** True when a snapshot and all below it are there, as folders. */
  async hasFolders(chainId: Digest | undefined): Promise<boolean> {
    for (let id = chainId; id !== undefined; ) {
      const snapshot = await this.get(id);
      if (snapshot === undefined || (await this.isPacked(snapshot))) return false;
      id = snapshot.parent;
    }
    return true;
  }

  /** What the layer of a snapshot says, in the order of its tar. */
  readIndex(snapshot: Snapshot): AsyncIterable<LayerEntry> {
    return readLayerIndex(path.join(snapshot.directory, snapshotFiles.index));
  }

  /** The same, by path. */
  loadIndex(snapshot: Snapshot): Promise<LayerIndex> {
    return loadLayerIndex(path.join(snapshot.directory, snapshotFiles.index));
  }

  /** The names of all folders of snapshots. */
  async list(): Promise<readonly string[]> {
    return readdir(this.#layout.snapshots);
  }

  /**
   * Gives the folder its place and tells where it is. When another build is just committing the same chain, ours stays where it is
   * and serves this build only.
   */
  async #moveIn(folder: string, chainId: Digest): Promise<string> {
    const target = this.#layout.snapshot(chainId);
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        await rename(folder, target);
        return target;
      } catch (error) {
        const code = errnoOf(error);
        if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw storeError(error, `commit snapshot ${chainId}`, target);
      }
      if (!(await this.#moveAwayLeftover(target))) break;
    }
    return folder;
  }

  /** A folder without `meta.json` whose build is dead goes to this session's waste. */
  async #moveAwayLeftover(target: string): Promise<boolean> {
    if ((await readIfThere(path.join(target, snapshotFiles.meta))) !== undefined) return false;
    const owner = await readIfThere(path.join(target, snapshotFiles.owner));
    if (owner !== undefined && !(await isAbandoned(this.#layout.session(path.basename(owner.toString()))))) return false;
    try {
      await rename(target, (await this.#session()).newPath());
      return true;
    } catch (error) {
      if (isMissing(error)) return true;
      throw storeError(error, 'replace an unfinished snapshot', target);
    }
  }
}

/** undefined when there is no finished snapshot of the chain. */
async function readSnapshot(directory: string, chainId: Digest): Promise<Snapshot | undefined> {
  const meta = path.join(directory, snapshotFiles.meta);
  const text = await orStoreError(() => readIfThere(meta), `read snapshot ${chainId}`, directory);
  const details = text === undefined ? undefined : parseRecord(text.toString(), readMeta);
  if (details === undefined || details.chainId !== chainId) return undefined;
  await touch(meta);
  return { ...details, directory };
}

async function hasNoFolder(directory: string): Promise<boolean> {
  try {
    await access(path.join(directory, snapshotFiles.tree));
    return false;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}

async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** Written before the sync, renamed after it. */
const newMeta = `${temporaryPrefix}meta`;

async function prepareMeta(folder: string, details: CommitDetails, session: string): Promise<void> {
  removeWork(path.join(folder, snapshotFiles.work));
  await writeFile(path.join(folder, snapshotFiles.owner), session, { mode: fileMode });
  const { chainId, parent, facts } = details;
  const meta = { version: 1, chainId, parent, ...facts };
  await writeFile(path.join(folder, newMeta), JSON.stringify(meta), { mode: fileMode });
}

function removeWork(work: string): void {
  try {
    removeTree(work);
  } catch {
    // What overlayfs left of other ids does no harm beside `fs/`.
  }
}

async function publish(directory: string): Promise<void> {
  const meta = path.join(directory, snapshotFiles.meta);
  await orStoreError(() => rename(path.join(directory, newMeta), meta), 'publish a snapshot', directory);
}

function readMeta(value: JsonObject): CommitDetails | undefined {
  const chainId = digestOrUndefined(value['chainId']);
  const diffId = digestOrUndefined(value['diffId']);
  const { version, parent, sizeBytes, entries } = value;
  const parentId = digestOrUndefined(parent);
  if (version !== 1 || chainId === undefined || diffId === undefined) return undefined;
  if (parent !== undefined && parentId === undefined) return undefined;
  if (typeof sizeBytes !== 'number' || typeof entries !== 'number') return undefined;
  return { chainId, parent: parentId, facts: { diffId, sizeBytes, entries } };
}

function incomplete(directory: string, chainId: Digest): StoreError {
  return new StoreError('corrupt', `Cannot use snapshot ${hexOf(chainId).slice(0, 12)}: it is not in the store`, {
    path: directory,
    hint: 'Run the build again with --no-cache, or empty the store with "tsbuild prune --all"',
  });
}
