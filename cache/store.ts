import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { hasErrno } from '../registry/oci/thrown.ts';
import { BlobStore } from './blobs/blob-store.ts';
import { MemberIndexes } from './blobs/member-indexes.ts';
import { orStoreError, StoreError } from './files/errors.ts';
import { GroupCommit } from './files/group-commit.ts';
import { makeFolder, writeAtomically } from './files/store-files.ts';
import { oldestFormat, StoreLayout, storeFormat } from './folder/store-layout.ts';
import { type FileLock, tryLock, waitForLock } from './folder/store-lock.ts';
import { realRoot, refuseOtherFolder, refuseUnsafe, type StoreOwner } from './folder/store-safety.ts';
import { readVersion } from './folder/store-version.ts';
import { CompressedLayers } from './records/compressed-layers.ts';
import { DerivedValues } from './records/derived-values.ts';
import { Downloads } from './records/downloads.ts';
import { FileDigests } from './records/file-digests.ts';
import { ImageNames } from './records/image-names.ts';
import { ResolvedImages } from './records/resolved-images.ts';
import { StepRecords } from './records/step-records.ts';
import { type BuildSession, type FoundSessions, findSessions, startSession } from './sessions/session.ts';
import { CacheMounts } from './snapshots/cache-mounts.ts';
import { SnapshotStore } from './snapshots/snapshot-store.ts';

interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once when a prune must be waited for. */
  readonly onWait?: (() => void) | undefined;
  /** 'any' uses a store of another user, with all that is in it. Default: 'self'. */
  readonly owner?: StoreOwner | undefined;
  /** False leaves a store that is not there to the first write; until then it is empty. Default: true. */
  readonly isMade?: boolean;
}

/**
 * All that builds remember, in one folder. Opening it takes no lock: a build that only reads what is there needs none. The first
 * write takes a shared lock, which keeps prunes away until the store is disposed.
 */
export class Store implements Disposable {
  readonly layout: StoreLayout;
  readonly blobs: BlobStore;
  readonly snapshots: SnapshotStore;
  readonly steps: StepRecords;
  readonly layers: CompressedLayers;
  readonly members: MemberIndexes;
  readonly images: ImageNames;
  readonly resolved: ResolvedImages;
  readonly downloads: Downloads;
  readonly derived: DerivedValues;
  readonly cacheMounts: CacheMounts;
  /** What killed builds left, for the worker to remove, and what is none of ours and stays. */
  readonly leftovers: FoundSessions;
  readonly #group: GroupCommit;
  readonly #options: OpenOptions;
  #isThere: boolean;
  #held: Promise<Hold> | undefined;
  #hold: Hold | undefined;

  /** `leftovers`: undefined when the store is not there yet. */
  constructor(layout: StoreLayout, leftovers: FoundSessions | undefined, options: OpenOptions) {
    const session = (): Promise<BuildSession> => this.#session();
    const newPath = async (): Promise<string> => (await this.#session()).newPath();
    this.layout = layout;
    this.#isThere = leftovers !== undefined;
    this.leftovers = leftovers ?? { abandoned: [], strange: [] };
    this.#options = options;
    this.#group = new GroupCommit(layout.root);
    const publisher = { session, group: this.#group };
    this.blobs = new BlobStore(layout, newPath);
    this.snapshots = new SnapshotStore(layout, publisher);
    this.steps = new StepRecords(layout, publisher);
    this.layers = new CompressedLayers(layout, { publisher, blobs: this.blobs });
    this.members = new MemberIndexes(layout);
    this.images = new ImageNames(layout, publisher);
    this.resolved = new ResolvedImages(layout, { publisher, blobs: this.blobs });
    this.downloads = new Downloads(layout, { publisher, blobs: this.blobs });
    this.derived = new DerivedValues(layout, publisher);
    this.cacheMounts = new CacheMounts(layout, session);
  }

  get root(): string {
    return this.layout.root;
  }

  /** False until something is written to a store that was not there. */
  get isThere(): boolean {
    return this.#isThere;
  }

  /** Says which id map files in the store are made with from now on: snapshots and cache mounts of other maps are not used as they are. */
  useIdMap(name: string): void {
    if (this.layout.idMap === name) return;
    this.layout.idMap = name;
    this.snapshots.forgetFound();
  }

  /**
   * Takes the shared lock now, so that nothing that is looked up from here on is pruned. Everything that writes does it by itself;
   * whoever is about to use snapshots or blobs for longer than a moment calls it first.
   */
  async hold(): Promise<void> {
    await this.#session();
  }

  /** A new path in the build's own folder, for files on their way into the store. Nothing is made there. */
  async newPath(): Promise<string> {
    return (await this.#session()).newPath();
  }

  /** The remembered content digests of the files below a context root (an absolute path). */
  fileDigests(contextRoot: string): Promise<FileDigests> {
    return FileDigests.load(this.layout.context(contextRoot));
  }

  /** Resolves when everything written so far is durable and visible to other builds. */
  flush(): Promise<void> {
    return this.#group.flush();
  }

  /** Gives the locks back. What was not flushed is lost. */
  [Symbol.dispose](): void {
    this.#group.stop();
    const hold = this.#hold;
    this.#hold = undefined;
    this.#held = undefined;
    hold?.session[Symbol.dispose]();
    hold?.lock[Symbol.dispose]();
  }

  async #session(): Promise<BuildSession> {
    this.#held ??= this.#takeHold();
    return (await this.#held).session;
  }

  async #takeHold(): Promise<Hold> {
    const options = { ...this.#options, isMade: true };
    if (!this.#isThere) await orStoreError(() => prepareStore(this.layout, options), `use store ${this.root}`, this.root);
    this.#isThere = true;
    const lock = await orStoreError(
      () => waitForLock(this.layout.lock, 'shared', this.#options),
      'lock the store',
      this.layout.lock,
    );
    try {
      const session = await orStoreError(() => startSession(this.layout), 'begin a session', this.layout.sessions);
      this.#hold = { lock, session };
      return this.#hold;
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }
}

interface Hold {
  readonly lock: FileLock;
  readonly session: BuildSession;
}

/**
 * Opens a store, made when it is missing. StoreError 'version', 'permission', 'corrupt' or 'disk-full' when it cannot be used: see
 * refuseUnsafe() for whose stores are.
 */
export async function openStore(root: string, options: OpenOptions = {}): Promise<Store> {
  const { owner = 'self' } = options;
  const doing = `use store ${path.resolve(root)}`;
  const layout = new StoreLayout(await orStoreError(() => realRoot(path.resolve(root), owner), doing, root));
  const leftovers = await orStoreError(() => prepareStore(layout, options), doing, layout.root);
  return new Store(layout, leftovers, options);
}

/** How a prune takes the store. */
export interface ExclusiveOptions {
  /** Waits for builds to end, and for those that begin meanwhile. Default: false. */
  readonly waits?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called once when a build must be waited for. */
  readonly onWait?: (() => void) | undefined;
}

/** The store for a prune: nobody else may use it. StoreError 'locked' when somebody does and is not to be waited for. */
export async function lockExclusively(layout: StoreLayout, options: ExclusiveOptions = {}): Promise<FileLock> {
  const taking = () =>
    options.waits === true ? waitForLock(layout.lock, 'exclusive', options) : tryLock(layout.lock, 'exclusive');
  const lock = await orStoreError<FileLock | undefined>(taking, 'lock the store', layout.lock);
  if (lock !== undefined) return lock;
  throw new StoreError('locked', `Cannot prune store ${layout.root}: a build uses it`, {
    path: layout.root,
    hint: 'Wait for the build to end, then try again, or say --wait',
  });
}

/** undefined for a store that is not there and that nobody wants to be made. */
async function prepareStore(
  layout: StoreLayout,
  { owner = 'self', isMade = true }: OpenOptions,
): Promise<FoundSessions | undefined> {
  const missing = await refuseUnsafe(layout, owner);
  const found = await readVersion(layout);
  if (found === undefined && !isMade) {
    await refuseOtherFolder(layout);
    await refuseFileOnTheWay(layout.root);
    return undefined;
  }
  const version = found ?? (await createStore(layout, owner));
  if (version < oldestFormat || version > storeFormat) throw wrongVersion(layout, version);
  if (version !== storeFormat) await unlessUnwritable(() => writeAtomically(layout.version, `${storeFormat}\n`));
  // Somebody may have removed one.
  for (const folder of missing) await unlessUnwritable(() => makeFolder(`${layout.root}/${folder}`));
  return findSessions(layout);
}

/** A store that is not there can be made where it should be, unless a file is where a folder is needed: ENOTDIR. */
async function refuseFileOnTheWay(root: string): Promise<void> {
  try {
    await lstat(root);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
}

/** Looking at a store, and freeing space in it, need no room on the disk; who writes to it later is told. */
async function unlessUnwritable(write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!hasErrno(error, 'EROFS', 'ENOSPC', 'EDQUOT')) throw error;
  }
}

/** The version of the store that is there now: ours, or that of a build that began at the same time and was faster. */
async function createStore(layout: StoreLayout, owner: StoreOwner): Promise<number> {
  await makeFolder(layout.root);
  const theirs = await readVersion(layout);
  if (theirs !== undefined) return theirs;
  await refuseOtherFolder(layout);
  for (const folder of StoreLayout.folders) await makeFolder(`${layout.root}/${folder}`);
  // Whatever was made between the first look and now.
  await refuseUnsafe(layout, owner);
  // Last, since it says that the rest is there.
  await writeAtomically(layout.version, `${storeFormat}\n`);
  return storeFormat;
}

function wrongVersion(layout: StoreLayout, version: number): StoreError {
  const writer = version > storeFormat ? 'a newer' : 'an older';
  return new StoreError('version', `Cannot use store ${layout.root}: it was written by ${writer} tsbuild`, {
    path: layout.root,
    hint: `Its format is ${version}, this version knows ${storeFormat}; choose another folder with --store`,
  });
}
