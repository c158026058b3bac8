import { hash } from 'node:crypto';
import { readFileSync, renameSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { chainIdOf, type Digest, hexOf } from '../../registry/oci/digest.ts';
import type { JsonObject } from '../../registry/oci/json.ts';
import type { LayerEntry } from '../../registry/oci/layer/layer-entry.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import { errnoOf, hasErrno, isMissing } from '../../registry/oci/thrown.ts';
import { isCorrupt, orStoreError, StoreError, storeError } from '../files/errors.ts';
import { type GroupCommit, syncFileSystem } from '../files/group-commit.ts';
import { digestOrUndefined, sealed, touchAgain, unsealedOrOld } from '../files/json-record.ts';
import { removeTree } from '../files/remove-tree.ts';
import { isFolder, makeSmallFolder, writeSmallFile } from '../files/small-file.ts';
import { entriesIn, readIfThere, readWithTime, statIfThere, type TimedBytes, temporaryPrefix } from '../files/store-files.ts';
import { type StoreLayout, snapshotFiles } from '../folder/store-layout.ts';
import { type BuildSession, isAbandoned } from '../sessions/session.ts';
import { type LayerIndex, loadLayerIndex, readLayerIndex } from './layer-index.ts';

/** A file-system state: the layer's folder on top of the parents. */
export interface Snapshot {
  readonly chainId: Digest;
  readonly parent: Digest | undefined;
  /** Absolute; holds `index`, and `fs/` unless it is packed: see isPacked(). */
  readonly directory: string;
  readonly facts: LayerFacts;
  /** sha256 of the file `index`, hex; undefined for what older versions made. */
  readonly indexDigest?: string | undefined;
}

interface CommitDetails {
  readonly chainId: Digest;
  readonly parent: Digest | undefined;
  readonly facts: LayerFacts;
}

type Meta = Omit<Snapshot, 'directory'>;

/** Snapshots by ChainID. A snapshot without `meta.json` does not exist for other builds, whatever else is in its folder. */
export class SnapshotStore {
  readonly #layout: StoreLayout;
  readonly #session: () => Promise<BuildSession>;
  readonly #group: GroupCommit;
  /** Committed by this build, or read before. Paths do not change while a build runs. */
  readonly #known = new Map<Digest, Snapshot>();
  /** Those that are known to have their folder, which stays. */
  readonly #withFolder = new Set<Digest>();
  /** The folders of chains: each step asks for those of the one below it. */
  readonly #lowers = new Map<Digest, readonly string[]>();

  constructor(layout: StoreLayout, services: { session: () => Promise<BuildSession>; group: GroupCommit }) {
    this.#layout = layout;
    this.#session = services.session;
    this.#group = services.group;
  }

  /** A new, empty folder for the worker to make a layer in. It vanishes with the build unless it is committed. */
  async prepare(): Promise<string> {
    const folder = (await this.#session()).newPath();
    await orStoreError(() => makeSmallFolder(folder), 'prepare a snapshot', folder);
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
    const meta = await orStoreError(() => prepareMeta(folder, details, session.name), 'commit a snapshot', folder);
    const directory = await this.#moveIn(folder, details.chainId);
    const snapshot = { ...meta, directory };
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
    return (await this.copiesOf(chainId))[0];
  }

  /** The snapshots of one chain, with whatever ids they were made. */
  async copiesOf(chainId: Digest): Promise<readonly Snapshot[]> {
    const hex = hexOf(chainId);
    const names = (await this.list()).filter((name) => name === hex || name.startsWith(`${hex}.`));
    const found = await Promise.all(names.map((name) => this.inFolder(name, chainId)));
    return found.filter((snapshot) => snapshot !== undefined);
  }

  /** The snapshot in a folder with a name of list(), whatever its id map. */
  inFolder(name: string, chainId: Digest): Promise<Snapshot | undefined> {
    return readSnapshot(path.join(this.#layout.snapshots, name), chainId);
  }

  /** Forgets what was found, which is no answer any more. */
  forgetFound(): void {
    this.#known.clear();
    this.#withFolder.clear();
    this.#lowers.clear();
  }

  /**
   * Takes a snapshot that is damaged out of the store. Whoever has it mounted keeps it for now: its folder becomes waste of the session. What
   * is on top of it stays.
   */
  async remove({ chainId, directory }: Pick<Snapshot, 'chainId' | 'directory'>): Promise<void> {
    await this.#group.flush();
    if (this.#known.get(chainId)?.directory === directory) {
      this.#known.delete(chainId);
      this.#withFolder.delete(chainId);
      this.#lowers.clear();
    }
    const session = await this.#session();
    await orStoreError(() => renameIfThere(directory, session.newPath()), `remove snapshot ${chainId}`, directory);
  }

  /**
   * Gives a packed snapshot its folder: `folder`/fs, unpacked from its tar, which then goes. The folder is durable before it is seen. When
   * another build was faster, `folder` stays behind as waste of the session.
   */
  async unpacked(snapshot: Snapshot, folder: string): Promise<void> {
    const { chainId, directory } = snapshot;
    const show = async (): Promise<void> => {
      if (hasNoFolder(directory)) {
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
    if (hasNoFolder(directory)) return true;
    this.#withFolder.add(chainId);
    return false;
  }

  /**
   * The layer folders of a chain, lowest first, absolute.
   *
   * @throws StoreError ('corrupt') when one is missing; look with hasFolders() where that is to be expected
   */
  async lowersOf(chainId: Digest | undefined): Promise<readonly string[]> {
    if (chainId === undefined) return [];
    const known = this.#lowers.get(chainId);
    if (known !== undefined) return known;
    const snapshot = await this.get(chainId);
    if (snapshot === undefined) throw incomplete(this.#layout.snapshot(chainId), chainId);
    const below = await this.lowersOf(snapshot.parent);
    if (await this.isPacked(snapshot)) throw new Error(`the snapshot ${snapshot.directory} is packed`);
    const lowers = [...below, path.join(snapshot.directory, snapshotFiles.tree)];
    this.#lowers.set(chainId, lowers);
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
    for (let id = chainId; id !== undefined && !this.#lowers.has(id); ) {
      const snapshot = await this.get(id);
      if (snapshot === undefined || (await this.isPacked(snapshot))) return false;
      id = snapshot.parent;
    }
    return true;
  }

  /** What the layer of a snapshot says, in the order of its tar. A snapshot whose index is damaged is removed, and the iteration fails. */
  async *readIndex(snapshot: Snapshot): AsyncGenerator<LayerEntry> {
    try {
      yield* readLayerIndex(path.join(snapshot.directory, snapshotFiles.index), snapshot.indexDigest);
    } catch (error) {
      throw await this.#withoutDamage(error, snapshot);
    }
  }

  /** The same, by path. */
  async loadIndex(snapshot: Snapshot): Promise<LayerIndex> {
    try {
      return await loadLayerIndex(path.join(snapshot.directory, snapshotFiles.index), snapshot.indexDigest);
    } catch (error) {
      throw await this.#withoutDamage(error, snapshot);
    }
  }

  /** Reads the index of a snapshot to its end. @throws StoreError ('corrupt') when it is not what was written; nothing is removed */
  async verifyIndex({ directory, indexDigest }: Snapshot): Promise<void> {
    const file = path.join(directory, snapshotFiles.index);
    for await (const _ of readLayerIndex(file, indexDigest));
  }

  /** The snapshot that this build got a layer folder of. */
  ofLower(lower: string): Snapshot | undefined {
    const directory = path.dirname(lower);
    return [...this.#known.values()].find((snapshot) => snapshot.directory === directory);
  }

  /** The names of all folders of snapshots. */
  async list(): Promise<readonly string[]> {
    const folder = this.#layout.snapshots;
    const entries = await orStoreError(() => entriesIn(folder), 'list the snapshots', folder);
    return entries.map(({ name }) => name);
  }

  async #withoutDamage(error: unknown, snapshot: Snapshot): Promise<unknown> {
    if (!isCorrupt(error)) return error;
    await this.remove(snapshot);
    return new StoreError('corrupt', `Cannot read the index of layer ${snapshot.facts.diffId} in the store: it is damaged`, {
      path: error.path,
      hint: 'The layer was removed; build or pull the image again to have it anew',
      isRemoved: true,
    });
  }

  /**
   * Gives the folder its place and tells where it is. When another build is just committing the same chain, ours stays where it is
   * and serves this build only.
   */
  async #moveIn(folder: string, chainId: Digest): Promise<string> {
    const target = this.#layout.snapshot(chainId);
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        renameSync(folder, target);
        return target;
      } catch (error) {
        const code = errnoOf(error);
        // What is no folder has its place.
        if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') {
          throw storeError(error, `commit snapshot ${chainId}`, target);
        }
      }
      if (!(await this.#moveAwayLeftover(target, chainId))) break;
    }
    return folder;
  }

  /** A folder without a `meta.json` that is whole, whose build is dead, goes to this session's waste. */
  async #moveAwayLeftover(target: string, chainId: Digest): Promise<boolean> {
    if ((await statIfThere(target))?.isDirectory() === true && !(await this.#isLeftover(target, chainId))) return false;
    try {
      await rename(target, (await this.#session()).newPath());
      return true;
    } catch (error) {
      if (isMissing(error)) return true;
      throw storeError(error, 'replace an unfinished snapshot', target);
    }
  }

  async #isLeftover(folder: string, chainId: Digest): Promise<boolean> {
    const meta = await readIfThere(path.join(folder, snapshotFiles.meta));
    if (meta !== undefined && metaIn(meta.toString(), chainId) !== undefined) return false;
    const owner = await readIfThere(path.join(folder, snapshotFiles.owner));
    return owner === undefined || isAbandoned(this.#layout.session(path.basename(owner.toString())));
  }
}

/** undefined when there is no finished snapshot of the chain. What is found behind a link is none. */
async function readSnapshot(directory: string, chainId: Digest): Promise<Snapshot | undefined> {
  const meta = path.join(directory, snapshotFiles.meta);
  const read = async (): Promise<TimedBytes | undefined> => (isFolder(directory) ? readWithTime(meta) : undefined);
  const found = await orStoreError(read, `read snapshot ${chainId}`, directory);
  const details = found && metaIn(found.bytes.toString(), chainId);
  if (found === undefined || details === undefined) return undefined;
  touchAgain(meta, found.timeMs);
  return { ...details, directory };
}

/** A link is no folder either. */
function hasNoFolder(directory: string): boolean {
  return !isFolder(path.join(directory, snapshotFiles.tree));
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!hasErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}

/** So many that an index is read in no time. */
const fewEntries = 500;

/** Written before the sync, renamed after it. */
const newMeta = `${temporaryPrefix}meta`;

async function prepareMeta(folder: string, { chainId, parent, facts }: CommitDetails, session: string): Promise<Meta> {
  removeWork(path.join(folder, snapshotFiles.work));
  writeSmallFile(path.join(folder, snapshotFiles.owner), session);
  const index = path.join(folder, snapshotFiles.index);
  const indexDigest = hash('sha256', facts.entries > fewEntries ? await readFile(index) : readFileSync(index), 'hex');
  const text = sealed(metaPlace(chainId), { version: 1, chainId, parent, ...facts, indexDigest });
  writeSmallFile(path.join(folder, newMeta), text);
  return { chainId, parent, facts, indexDigest };
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
  await orStoreError(async () => renameSync(path.join(directory, newMeta), meta), 'publish a snapshot', directory);
}

/** What older versions wrote has no seal: that is taken when the digests in it agree, since images may have nothing else. */
function metaIn(text: string, chainId: Digest): Meta | undefined {
  const value = unsealedOrOld(text, metaPlace(chainId));
  const meta = value && readMeta(value);
  return meta !== undefined && meta.chainId === chainId && chainIdOf(meta.parent, meta.facts.diffId) === chainId
    ? meta
    : undefined;
}

function metaPlace(chainId: Digest): string {
  return `${hexOf(chainId)}/${snapshotFiles.meta}`;
}

function readMeta(value: JsonObject): Meta | undefined {
  const chainId = digestOrUndefined(value['chainId']);
  const diffId = digestOrUndefined(value['diffId']);
  const { version, parent, sizeBytes, entries, indexDigest } = value;
  const parentId = digestOrUndefined(parent);
  if (version !== 1 || chainId === undefined || diffId === undefined) return undefined;
  if (parent !== undefined && parentId === undefined) return undefined;
  if (typeof sizeBytes !== 'number' || typeof entries !== 'number') return undefined;
  const known = typeof indexDigest === 'string' ? { indexDigest } : {};
  return { chainId, parent: parentId, facts: { diffId, sizeBytes, entries }, ...known };
}

function incomplete(directory: string, chainId: Digest): StoreError {
  return new StoreError('corrupt', `Cannot use snapshot ${hexOf(chainId).slice(0, 12)}: it is not in the store`, {
    path: directory,
    hint: 'Run "tsbuild store verify --repair", then build or pull the image again',
  });
}
