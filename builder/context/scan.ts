import { constants, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import type { FileDigests } from '../../cache/records/file-digests.ts';
import { Pace } from '../../registry/oci/pace.ts';
import { folderOf, joinPath, type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { errnoOf } from '../../registry/oci/thrown.ts';
import { UsageError } from '../contract/errors.ts';
import { IgnoreRules, type IgnoreState } from '../patterns/ignore.ts';
import { isGone, unreadable } from './context-error.ts';
import { type DiskStatus, statusOf } from './disk-status.ts';
import type { folderStatuses } from './folder-statuses.ts';
import { type FileToHash, type HashedFile, hashFiles } from './hash-files.ts';
import type { FileEntry, FileTree, TreeEntry } from './tree.ts';

interface ScanOptions {
  /** For messages: `the build context`, or a named context's name. */
  readonly name?: string;
  readonly ignore?: IgnoreRules;
  /** Remembered digests; without them every file that is asked for is read. */
  readonly digests?: FileDigests | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a folder's rules say, kept for its children. */
interface FolderState {
  readonly ignore: IgnoreState | undefined;
  /** Ignored itself: seen only if something below is not. */
  readonly isIgnored: boolean;
}

/** What a path shows at first sight. */
interface Sight {
  readonly entry: TreeEntry | undefined;
  /** A folder that is ignored itself: it is there only if something in it is. */
  readonly dependsOnContent: boolean;
}

function certainly(entry: TreeEntry | undefined): Sight {
  return { entry, dependsOnContent: false };
}

/**
 * Opens a folder as a context. Only what is asked for is read: a build that copies one file of a large folder looks at that file. Owners
 * are 0:0 whatever they are on disk, since they say nothing about the image.
 *
 * @throws UsageError when the root is not a folder
 */
export async function scanContext(root: string, options: ScanOptions = {}): Promise<ContextTree> {
  return new ContextTree(await realRoot(root), options);
}

/** The files of a folder on this machine under its ignore rules, as they were when they were first looked at. */
export class ContextTree implements FileTree {
  readonly name: string;
  /** Absolute, without links. */
  readonly root: string;
  readonly #ignore: IgnoreRules;
  readonly #digests: FileDigests | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #entries = new Map<RawPath, TreeEntry | undefined>();
  readonly #names = new Map<RawPath, readonly RawPath[]>();
  readonly #visible = new Map<RawPath, readonly RawPath[]>();
  readonly #folders = new Map<RawPath, FolderState>();
  /** Whose files are root's in a RUN; root's own group is 0 there whatever group main has. */
  readonly #own = { uid: process.geteuid?.() ?? 0, gid: process.geteuid?.() === 0 ? 0 : (process.getegid?.() ?? 0) };
  #device: bigint | undefined;
  #statusesOf: typeof folderStatuses | undefined;

  constructor(root: string, options: ScanOptions) {
    this.root = root;
    this.name = options.name ?? 'the build context';
    this.#ignore = options.ignore ?? IgnoreRules.none;
    this.#digests = options.digests;
    this.#signal = options.signal;
  }

  /** The folder may hold more than is shown. */
  get isFiltered(): boolean {
    return !this.#ignore.isEmpty;
  }

  lookup(path: RawPath): TreeEntry | undefined {
    return this.#lookup(path, undefined);
  }

  #lookup(path: RawPath, status: DiskStatus | undefined): TreeEntry | undefined {
    const known = this.#entries.get(path);
    if (known !== undefined || this.#entries.has(path)) return known;
    const entry = this.#see(path, status);
    this.#entries.set(path, entry);
    return entry;
  }

  list(path: RawPath): readonly RawPath[] {
    const known = this.#visible.get(path);
    if (known !== undefined) return known;
    if (this.lookup(path)?.type !== 'directory') return [];
    const names = this.#namesIn(path);
    const statuses = this.#statuses(path, names);
    const visible = names.filter((name, index) => this.#lookup(joinPath(path, name), statuses?.[index]) !== undefined);
    this.#visible.set(path, visible);
    return visible;
  }

  async look(path: RawPath, pace: Pace): Promise<void> {
    if (this.lookup(path)?.type === 'directory') await this.#lookInto(path, pace);
  }

  /** As list(), with pauses: a folder may hold very many names, and there may be very many rules for each of them. */
  async #lookInto(path: RawPath, pace: Pace): Promise<readonly RawPath[]> {
    const known = this.#visible.get(path);
    if (known !== undefined) return known;
    const names = this.#namesIn(path);
    const statuses = this.#statuses(path, names);
    const visible: RawPath[] = [];
    for (const [index, name] of names.entries()) {
      const child = joinPath(path, name);
      const seen = this.#lookWith(child, statuses?.[index], pace);
      const entry = seen instanceof Promise ? await seen : seen;
      if (entry !== undefined) visible.push(name);
      if (pace.isDue()) await pace.turn();
    }
    this.#visible.set(path, visible);
    return visible;
  }

  #lookWith(path: RawPath, status: DiskStatus | undefined, pace: Pace): TreeEntry | undefined | Promise<TreeEntry | undefined> {
    if (this.#entries.has(path)) return this.#entries.get(path);
    const sight = this.#glance(path, status);
    if (!sight.dependsOnContent) return this.#remember(path, sight.entry);
    const decide = (visible: readonly RawPath[]): TreeEntry | undefined =>
      this.#remember(path, visible.length === 0 ? undefined : sight.entry);
    return this.#lookInto(path, pace).then(decide);
  }

  #remember(path: RawPath, entry: TreeEntry | undefined): TreeEntry | undefined {
    this.#entries.set(path, entry);
    return entry;
  }

  async expectMany(): Promise<void> {
    this.#statusesOf ??= (await import('./folder-statuses.ts')).folderStatuses;
  }

  /**
   * Reads files whose content is not known, several at a time; one that has vanished is not there from now on. SourceError 'unreadable' or
   * 'changed' when one cannot be read.
   */
  async hash(paths: readonly RawPath[]): Promise<void> {
    const unknown: FileToHash[] = [];
    const pace = new Pace(this.#signal);
    for (const path of paths) {
      const file = this.#toHash(path);
      if (file !== undefined) unknown.push(file);
      if (pace.isDue()) await pace.turn();
    }
    for await (const some of hashFiles(this.root, unknown, this.#signal)) {
      for (const file of some) this.#setDigest(file);
    }
  }

  async forgetVanished(): Promise<void> {
    const pace = new Pace(this.#signal);
    for (const [path, entry] of this.#entries) {
      if (entry !== undefined && this.#isVanished(path)) this.#forget(path);
      if (pace.isDue()) await pace.turn();
    }
  }

  #isVanished(path: RawPath): boolean {
    try {
      return lstatSync(this.#diskPath(path), { throwIfNoEntry: false }) === undefined;
    } catch (error) {
      return isGone(error);
    }
  }

  #forget(path: RawPath): void {
    this.#entries.set(path, undefined);
    this.#visible.delete(folderOf(path));
  }

  #setDigest({ path, stats, digest, readNs }: HashedFile): void {
    if (digest === undefined) {
      this.#forget(path);
      return;
    }
    const entry = stats === undefined ? this.#entries.get(path) : this.#fileEntry(path, statusOf(stats));
    if (entry?.type !== 'file' || entry.stamp === undefined) return;
    this.#entries.set(path, { ...entry, digest });
    this.#digests?.remember(path, { stamp: entry.stamp, digest }, readNs);
  }

  hiddenBy(path: RawPath): string | undefined {
    return this.#ignore.hiddenBy(path);
  }

  #toHash(path: RawPath): FileToHash | undefined {
    const entry = this.lookup(path);
    if (entry?.type !== 'file' || entry.digest !== undefined || entry.stamp === undefined) return undefined;
    return { path, file: this.#diskPath(path), stamp: entry.stamp, name: this.name };
  }

  #see(path: RawPath, status: DiskStatus | undefined): TreeEntry | undefined {
    const { entry, dependsOnContent } = this.#glance(path, status);
    return dependsOnContent && !this.#hasVisible(path) ? undefined : entry;
  }

  #glance(path: RawPath, status: DiskStatus | undefined): Sight {
    if (path === '') return certainly(this.#stat(path));
    const folder = this.#folderState(folderOf(path));
    if (folder === undefined) return certainly(undefined);
    const verdict = this.#ignore.isEmpty ? undefined : this.#ignore.verdict(path, folder.ignore);
    if (verdict?.isFinal === true) return certainly(undefined);
    const entry = this.#stat(path, status);
    if (entry?.type !== 'directory') return certainly(verdict?.isIgnored === true ? undefined : entry);
    this.#folders.set(path, { ignore: verdict?.state, isIgnored: verdict?.isIgnored === true });
    return { entry, dependsOnContent: verdict?.isIgnored === true };
  }

  /** undefined when the path is not a folder, or nothing in it can be seen. */
  #folderState(path: RawPath): FolderState | undefined {
    if (path === '') return { ignore: undefined, isIgnored: false };
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    this.lookup(path);
    return this.#folders.get(path);
  }

  /** An ignored folder is there only for the sake of something in it that is not ignored. */
  #hasVisible(folder: RawPath): boolean {
    return this.#namesIn(folder).some((name) => this.lookup(joinPath(folder, name)) !== undefined);
  }

  #namesIn(folder: RawPath): readonly RawPath[] {
    const known = this.#names.get(folder);
    if (known !== undefined) return known;
    const names = this.#readNames(folder);
    this.#names.set(folder, names);
    return names;
  }

  #readNames(folder: RawPath): readonly RawPath[] {
    try {
      // latin1 turns each byte into one character, which is what a RawPath is.
      return readdirSync(this.#diskPath(folder), { encoding: 'latin1' }).toSorted().map(rawPath);
    } catch (error) {
      const isHidden = this.#folders.get(folder)?.isIgnored === true;
      if (isHidden || isGone(error)) return [];
      throw unreadable(this.name, folder, error);
    }
  }

  #stat(path: RawPath, known?: DiskStatus): TreeEntry | undefined {
    try {
      if (known !== undefined) return this.#entryOf(path, known);
      const stats = lstatSync(this.#diskPath(path), { bigint: true, throwIfNoEntry: false });
      return stats === undefined ? undefined : this.#entryOf(path, statusOf(stats));
    } catch (error) {
      if (isGone(error)) return undefined;
      throw unreadable(this.name, path, error);
    }
  }

  #entryOf(path: RawPath, status: DiskStatus): TreeEntry {
    const attributes = { ...attributesOf(status), ...this.#apart(path, status) };
    switch (status.mode & constants.S_IFMT) {
      case constants.S_IFREG:
        return this.#fileEntry(path, status);
      case constants.S_IFDIR:
        return { type: 'directory', ...attributes };
      case constants.S_IFLNK:
        return { type: 'symlink', ...attributes, mode: 0o777, target: this.#targetOf(path) };
      case constants.S_IFIFO:
        return { type: 'fifo', ...attributes };
      case constants.S_IFSOCK:
        return { type: 'socket', ...attributes };
      default: {
        const type = (status.mode & constants.S_IFMT) === constants.S_IFBLK ? 'block' : 'char';
        return { type, ...attributes, major: status.rdevMajor, minor: status.rdevMinor };
      }
    }
  }

  #fileEntry(path: RawPath, status: DiskStatus): FileEntry {
    const { dev, ino, size, mtimeNs, ctimeNs } = status;
    const stamp = { dev, ino, size: BigInt(size), mtimeNs, ctimeNs };
    const digest = this.#digests?.get(path, stamp);
    const { mode, mtime } = attributesOf(status);
    const entry: FileEntry = { type: 'file', mode, uid: 0, gid: 0, mtime, size, digest, stamp };
    const apart = this.#apart(path, status);
    return status.nlink > 1 || apart !== undefined
      ? { ...entry, ...apart, ...(status.nlink > 1 && { link: `${dev}:${ino}` }) }
      : entry;
  }

  #apart(path: RawPath, { uid, gid, dev }: DiskStatus): { readonly isApart: true } | undefined {
    if (path === '') this.#device = dev;
    const isOwn = uid === this.#own.uid && gid === this.#own.gid;
    return isOwn && dev === this.#deviceOfRoot() ? undefined : { isApart: true };
  }

  #deviceOfRoot(): bigint | undefined {
    if (this.#device === undefined) this.lookup(rawPath(''));
    return this.#device;
  }

  #statuses(folder: RawPath, names: readonly RawPath[]): readonly (DiskStatus | undefined)[] {
    try {
      return this.#statusesOf?.(this.#diskPath(folder), names) ?? [];
    } catch (error) {
      if (isGone(error)) return [];
      throw unreadable(this.name, folder, error);
    }
  }

  #targetOf(path: RawPath): RawPath {
    return rawPath(readlinkSync(this.#diskPath(path), 'latin1'));
  }

  /** A string where it means the same bytes, since that is faster. */
  #diskPath(path: RawPath): string | Buffer {
    if (path === '') return this.root;
    const prefix = this.root === '/' ? '/' : `${this.root}/`;
    // oxlint-disable-next-line no-control-regex
    if (/^[\x00-\x7f]*$/.test(path)) return prefix + path;
    return Buffer.concat([Buffer.from(prefix), Buffer.from(path, 'latin1')]);
  }
}

async function realRoot(root: string): Promise<string> {
  try {
    const real = await realpath(root);
    if ((await stat(real)).isDirectory()) return real;
  } catch (error) {
    throw new UsageError('CONTEXT', `Cannot use context "${root}": ${reasonOf(error)}`, { cause: error });
  }
  throw new UsageError('CONTEXT', `Cannot use context "${root}": it is not a folder`);
}

function attributesOf({ mode, mtimeNs }: DiskStatus): { mode: number; uid: 0; gid: 0; mtime: number } {
  return { mode: mode & 0o7777, uid: 0, gid: 0, mtime: Number(mtimeNs / 1_000_000_000n) };
}

function reasonOf(error: unknown): string {
  const code = errnoOf(error);
  if (code === 'ENOENT') return 'there is no such folder';
  return code === 'EACCES' ? 'permission denied' : (code ?? String(error));
}
