import { constants } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import type { FileDigests } from '../../cache/records/file-digests.ts';
import { Pace } from '../../registry/oci/pace.ts';
import { folderOf, joinPath, nameOf, type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { errnoOf } from '../../registry/oci/thrown.ts';
import { UsageError } from '../contract/errors.ts';
import { IgnoreRules, type IgnoreState, type IgnoreVerdict } from '../patterns/ignore.ts';
import { DiskFolder } from './disk-folder.ts';
import { type DiskStatus, statusOf } from './disk-status.ts';
import { type FileToHash, type HashedFile, hashFiles } from './hash-files.ts';
import { SeenFiles } from './seen-files.ts';
import type { FileTree, TreeEntry, TreeRows } from './tree.ts';

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
  readonly status: DiskStatus;
  /** A folder that is ignored itself: it is there only if something in it is. */
  readonly dependsOnContent: boolean;
}

/** Where something is. */
interface NamedPlace {
  readonly folder: RawPath;
  readonly name: RawPath;
}

/** What was found in a folder so far. */
interface FoundRows {
  readonly rows: number[];
  /** Folders that are there only if something in them is. */
  readonly undecided: Map<RawPath, number>;
}

/** A folder that no rule is about. */
const plainFolder: FolderState = { ignore: undefined, isIgnored: false };

/** How many names are looked at with one call. */
const namesAtOnce = 512;

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
  readonly #disk: DiskFolder;
  readonly #seen: SeenFiles;
  /** What was looked up before its folder was listed; undefined where nothing is. */
  readonly #single = new Map<RawPath, number | undefined>();
  readonly #singleFolders = new Set<RawPath>();
  /** The rows of all that a folder showed, in the order of the names. */
  readonly #listed = new Map<RawPath, readonly number[]>();
  /** What list() gave. */
  readonly #visible = new Map<RawPath, readonly RawPath[]>();
  readonly #folders = new Map<RawPath, FolderState>();
  /** Whose files are root's in a RUN; root's own group is 0 there whatever group main has. */
  readonly #own = { uid: process.geteuid?.() ?? 0, gid: process.geteuid?.() === 0 ? 0 : (process.getegid?.() ?? 0) };
  #device: Pick<DiskStatus, 'devMajor' | 'devMinor'> | undefined;

  constructor(root: string, options: ScanOptions) {
    this.root = root;
    this.name = options.name ?? 'the build context';
    this.#disk = new DiskFolder(root, this.name);
    this.#ignore = options.ignore ?? IgnoreRules.none;
    this.#digests = options.digests;
    this.#seen = new SeenFiles(options.digests?.files);
    this.#signal = options.signal;
    this.rows = this.#treeRows();
  }

  /** The folder may hold more than is shown. */
  get isFiltered(): boolean {
    return !this.#ignore.isEmpty;
  }

  lookup(path: RawPath): TreeEntry | undefined {
    const row = this.#rowOf(path);
    return row === undefined ? undefined : this.#seen.entry(row);
  }

  list(path: RawPath): readonly RawPath[] {
    const known = this.#visible.get(path);
    if (known !== undefined) return known;
    const visible = this.#visibleRows(path).map((row) => this.#seen.name(row));
    this.#visible.set(path, visible);
    return visible;
  }

  /** What is in folders, by rows: for tens of thousands of files, an object for each takes most of the time and of the memory. */
  readonly rows: TreeRows;

  #treeRows(): TreeRows {
    return {
      in: (folder) => this.#visibleRows(folder),
      name: (row) => this.#seen.name(row),
      entry: (row) => this.#seen.entry(row),
      isFolder: (row) => this.#seen.isFolder(row),
      isUnread: (row) => this.#seen.isUnread(row),
      plainMode: (row) => this.#seen.plainMode(row),
      columns: this.#seen.columns,
    };
  }

  #visibleRows(folder: RawPath): readonly number[] {
    const row = this.#rowOf(folder);
    if (row === undefined || !this.#seen.isFolder(row)) return [];
    const rows = this.#rowsIn(folder);
    return rows.every((inside) => this.#seen.isVisible(inside)) ? rows : rows.filter((inside) => this.#seen.isVisible(inside));
  }

  /** The row of what can be seen at a path. */
  #rowOf(path: RawPath): number | undefined {
    const row = this.#single.get(path) ?? this.#listedRow(path);
    if (row !== undefined) return this.#seen.isVisible(row) ? row : undefined;
    return this.#single.has(path) || this.#isListed(path) ? undefined : this.#lookAlone(path);
  }

  #isListed(path: RawPath): boolean {
    return path !== '' && this.#listed.has(folderOf(path));
  }

  #listedRow(path: RawPath): number | undefined {
    const rows = path === '' ? undefined : this.#listed.get(folderOf(path));
    return rows && this.#seen.find(rows, nameOf(path));
  }

  #lookAlone(path: RawPath): number | undefined {
    const place = { folder: folderOf(path), name: nameOf(path) };
    const sight = path === '' ? this.#rootSight() : this.#glance(place, this.#folderState(place.folder));
    const isThere = sight !== undefined && (!sight.dependsOnContent || this.#hasVisible(path));
    const row = isThere ? this.#add(place, sight.status) : undefined;
    this.#single.set(path, row);
    this.#singleFolders.add(place.folder);
    return row;
  }

  #rootSight(): Sight | undefined {
    const status = this.#disk.status(rawPath(''));
    return status && { status, dependsOnContent: false };
  }

  /** An ignored folder is there only for the sake of something in it that is not ignored. */
  #hasVisible(folder: RawPath): boolean {
    return this.#rowsIn(folder).some((row) => this.#seen.isVisible(row));
  }

  #rowsIn(folder: RawPath): readonly number[] {
    const known = this.#listed.get(folder);
    if (known !== undefined) return known;
    const found: FoundRows = { rows: [], undecided: new Map() };
    for (const _ of this.#lookAtNames(folder, found));
    for (const [path, row] of found.undecided) if (!this.#hasVisible(path)) this.#seen.hide(row);
    return this.#remember(folder, found);
  }

  async look(path: RawPath, pace: Pace): Promise<void> {
    const row = this.#rowOf(path);
    if (row !== undefined && this.#seen.isFolder(row)) await this.#lookInto(path, pace);
  }

  /** As #rowsIn(), with pauses: a folder may hold very many names, and there may be very many rules for each of them. */
  async #lookInto(folder: RawPath, pace: Pace): Promise<void> {
    if (this.#listed.has(folder)) return;
    const found: FoundRows = { rows: [], undecided: new Map() };
    for (const _ of this.#lookAtNames(folder, found)) if (pace.isDue()) await pace.turn();
    for (const [path, row] of found.undecided) {
      await this.#lookInto(path, pace);
      if (!this.#hasVisible(path)) this.#seen.hide(row);
    }
    this.#remember(folder, found);
  }

  /** Whoever was first says what was there, also of what was looked up before the folder was listed. */
  #remember(folder: RawPath, { rows }: FoundRows): readonly number[] {
    const known = this.#listed.get(folder);
    if (known !== undefined) return known;
    const first = this.#singleFolders.has(folder) ? rows.flatMap((row) => this.#firstRow(folder, row)) : rows;
    this.#listed.set(folder, first);
    return first;
  }

  #firstRow(folder: RawPath, row: number): readonly number[] {
    const path = joinPath(folder, this.#seen.name(row));
    if (!this.#single.has(path)) return [row];
    const first = this.#single.get(path);
    return first === undefined ? [] : [first];
  }

  /** With stops. */
  *#lookAtNames(folder: RawPath, found: FoundRows): Generator<void, void, undefined> {
    const state = this.#folderState(folder);
    if (state === undefined) return;
    const names = this.#disk.names(folder, state.isIgnored);
    for (let start = 0; start < names.length; start += namesAtOnce) {
      const some = names.slice(start, start + namesAtOnce);
      const verdicts = new Map<RawPath, IgnoreVerdict>();
      if (!this.#ignore.isEmpty) yield* this.#judge({ folder, names: some, state }, verdicts);
      this.#lookAtSome(folder, this.#ignore.isEmpty ? some : [...verdicts.keys()], { verdicts, found });
      yield;
    }
  }

  /** Says of names what the rules do, but for those that need not be looked at. There may be very many rules, hence a stop after each name. */
  *#judge(
    { folder, names, state }: { readonly folder: RawPath; readonly names: readonly RawPath[]; readonly state: FolderState },
    verdicts: Map<RawPath, IgnoreVerdict>,
  ): Generator<void, void, undefined> {
    for (const name of names) {
      const verdict = this.#ignore.verdict(joinPath(folder, name), state.ignore);
      if (!verdict.isFinal) verdicts.set(name, verdict);
      yield;
    }
  }

  /** Without a stop: the statuses count until somebody else looks at a folder. */
  #lookAtSome(
    folder: RawPath,
    names: readonly RawPath[],
    { verdicts, found }: { readonly verdicts: ReadonlyMap<RawPath, IgnoreVerdict>; readonly found: FoundRows },
  ): void {
    const statuses = this.#disk.statuses(folder, names);
    for (const [index, name] of names.entries()) {
      const place = { folder, name };
      const status = statuses?.status(index) ?? this.#disk.status(joinPath(folder, name));
      const sight = status && this.#sightOf(place, status, verdicts.get(name));
      const row = sight && this.#add(place, sight.status);
      if (row === undefined) continue;
      found.rows.push(row);
      if (sight?.dependsOnContent === true) found.undecided.set(joinPath(folder, name), row);
    }
  }

  async expectMany(): Promise<void> {
    await this.#disk.expectMany();
  }

  /**
   * Reads files whose content is not known, several at a time; one that has vanished is not there from now on. SourceError 'unreadable' or
   * 'changed' when one cannot be read.
   */
  async hash(paths: Iterable<RawPath>): Promise<void> {
    for await (const some of hashFiles(this.root, this.#unread(paths), this.#signal)) {
      for (const file of some) this.#setDigest(file);
    }
  }

  *#unread(paths: Iterable<RawPath>): Generator<FileToHash, void, undefined> {
    for (const path of paths) {
      const file = this.#toHash(path);
      if (file !== undefined) yield file;
    }
  }

  async forgetVanished(): Promise<void> {
    const pace = new Pace(this.#signal);
    for (const [path, row] of this.#everything()) {
      if (this.#seen.isVisible(row) && this.#disk.isVanished(path)) this.#forget(path, row);
      if (pace.isDue()) await pace.turn();
    }
  }

  *#everything(): Generator<readonly [RawPath, number], void, undefined> {
    for (const [path, row] of this.#single) if (row !== undefined) yield [path, row];
    for (const [folder, rows] of this.#listed) {
      for (const row of rows) yield [joinPath(folder, this.#seen.name(row)), row];
    }
  }

  #forget(path: RawPath, row: number): void {
    this.#seen.hide(row);
    this.#visible.delete(folderOf(path));
  }

  #setDigest({ path, stats, digest, readNs }: HashedFile): void {
    const row = this.#rowOf(path);
    if (row === undefined) return;
    if (digest === undefined) {
      this.#forget(path, row);
      return;
    }
    if (stats !== undefined) {
      const status = statusOf(stats);
      this.#seen.update(row, status, this.#isApart(status));
    }
    this.#seen.setDigest(row, digest);
    this.#digests?.remember({ folder: folderOf(path), name: this.#seen.name(row), row }, readNs);
  }

  hiddenBy(path: RawPath): string | undefined {
    return this.#ignore.hiddenBy(path);
  }

  #toHash(path: RawPath): FileToHash | undefined {
    const row = this.#rowOf(path);
    if (row === undefined || !this.#seen.isUnread(row)) return undefined;
    return { path, file: this.#disk.path(path), stamp: this.#seen.stamp(row), name: this.name };
  }

  /** undefined where nothing is, or nothing that may be seen. */
  #glance(place: NamedPlace, state: FolderState | undefined): Sight | undefined {
    if (state === undefined) return undefined;
    const path = joinPath(place.folder, place.name);
    const verdict = this.#ignore.isEmpty ? undefined : this.#ignore.verdict(path, state.ignore);
    const status = verdict?.isFinal === true ? undefined : this.#disk.status(path);
    return status && this.#sightOf(place, status, verdict);
  }

  #sightOf({ folder, name }: NamedPlace, status: DiskStatus, verdict: IgnoreVerdict | undefined): Sight | undefined {
    const isIgnored = verdict?.isIgnored === true;
    if (!isFolder(status)) return isIgnored ? undefined : { status, dependsOnContent: false };
    this.#folders.set(joinPath(folder, name), verdict === undefined ? plainFolder : { ignore: verdict.state, isIgnored });
    return { status, dependsOnContent: isIgnored };
  }

  /** undefined when the path is not a folder, or nothing in it can be seen. */
  #folderState(path: RawPath): FolderState | undefined {
    if (path === '') return plainFolder;
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    this.#rowOf(path);
    return this.#folders.get(path);
  }

  /** undefined for a link that has vanished. */
  #add({ folder, name }: NamedPlace, status: DiskStatus): number | undefined {
    const isLink = (status.mode & constants.S_IFMT) === constants.S_IFLNK;
    const target = isLink ? this.#disk.target(joinPath(folder, name)) : undefined;
    if (isLink && target === undefined) return undefined;
    const isRoot = folder === '' && name === '';
    const row = this.#seen.add({ name, status, target, isApart: this.#isApart(status, isRoot) });
    if (this.#seen.isFile(row) && this.#digests?.fill({ folder, name, row }) === true) this.#seen.setRead(row);
    return row;
  }

  /** Files of another owner or file system than the context's own folder. */
  #isApart({ uid, gid, devMajor, devMinor }: DiskStatus, isRoot = false): boolean {
    if (isRoot) this.#device ??= { devMajor, devMinor };
    if (this.#device === undefined) this.#rowOf(rawPath(''));
    const isOwn = uid === this.#own.uid && gid === this.#own.gid;
    return !isOwn || this.#device?.devMajor !== devMajor || this.#device.devMinor !== devMinor;
  }
}

function isFolder({ mode }: DiskStatus): boolean {
  return (mode & constants.S_IFMT) === constants.S_IFDIR;
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

function reasonOf(error: unknown): string {
  const code = errnoOf(error);
  if (code === 'ENOENT') return 'there is no such folder';
  return code === 'EACCES' ? 'permission denied' : (code ?? String(error));
}
