import { digestAt, digestLength, type FileColumns } from '../../registry/oci/layer/layer-run.ts';
import { folderOf, joinPath, nameOf, type RawPath } from '../../registry/oci/raw-path.ts';
import { type CopyEntry, encodeIdentity, type ListedEntry } from './copy-entry.ts';

/** What files have in common that follow each other in one folder and have the same mode and owner. */
interface RunFolder {
  readonly type: 'files';
  /** Where the folder is in the source tree, '' for its root. */
  readonly from: RawPath;
  /** Where it goes, relative to the destination of its group; '' is the destination. The files keep their names. */
  readonly to: RawPath;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Such files in a list. */
export interface FileRun extends RunFolder, FileColumns {
  /** What encodeIdentity() gives for each, with commas between; empty for a file without one. */
  readonly identities: string;
}

/** Such files before anything is made of each. */
export interface CopyRun extends RunFolder {
  readonly names: readonly RawPath[];
  /** Puts the digest of the file at an index, as 64 hex digits, to a place in bytes. */
  putDigest(index: number, bytes: Uint8Array, start: number): void;
  columns(): FileColumns & Pick<FileRun, 'identities'>;
}

/** What a COPY takes. `runs` says the same in the same order, for tens of thousands of files much faster. */
export interface CopyItems extends Iterable<CopyEntry> {
  runs?(): Iterable<CopyEntry | CopyRun>;
}

/** What a line of a list says. */
export type ListItem = ListedEntry | FileRun;

type FileEntry = Extract<CopyEntry, { readonly type: 'file' }>;

/** The lines of the list that a worker copies by, without their ends: JSON, which holds none. */
export function* encodeCopyList(entries: CopyItems): Generator<string, void, undefined> {
  let run: GrowingRun | undefined;
  for (const entry of entries.runs?.() ?? entries) {
    if (run?.add(entry) === true) continue;
    if (run !== undefined) yield JSON.stringify(run);
    run = entry.type !== 'files' && isPlain(entry) ? new GrowingRun(entry) : undefined;
    if (run === undefined) yield entry.type === 'files' ? encodeRun(entry) : encodeEntry(entry);
  }
  if (run !== undefined) yield JSON.stringify(run);
}

/** What a line of encodeCopyList() says. */
export function decodeListItem(line: string): ListItem {
  const item: ListItem = JSON.parse(line);
  return item;
}

/** The entries of a run, one by one. */
export function* listedFiles(run: FileRun): Generator<ListedEntry, void, undefined> {
  const { mode, uid, gid } = run;
  const identities = run.identities.split(',');
  for (const [index, name] of run.names.entries()) {
    const [size = 0, mtime = 0, identity = ''] = [run.sizes[index], run.mtimes[index], identities[index]];
    const digest = digestAt(run.digests, index);
    const from = joinPath(run.from, name);
    const to = joinPath(run.to, name);
    const entry = { type: 'file', from, to, mode, uid, gid, mtime, size, digest } as const;
    yield identity === '' ? entry : { ...entry, identity };
  }
}

function encodeRun(run: CopyRun): string {
  const { type, from, to, mode, uid, gid } = run;
  const line: FileRun = { type, from, to, mode, uid, gid, ...run.columns() };
  return JSON.stringify(line);
}

function encodeEntry(entry: CopyEntry): string {
  const hasIdentity = entry.type === 'file' && entry.identity !== undefined;
  return JSON.stringify(hasIdentity ? { ...entry, identity: encodeIdentity(entry.identity) } : entry);
}

/** Lines are held in memory, so they have an end. */
export const longestRun = 1000;

/** Its public fields are what is written. */
class GrowingRun implements FileRun {
  readonly type = 'files';
  readonly from: RawPath;
  readonly to: RawPath;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly names: RawPath[] = [];
  readonly sizes: number[] = [];
  readonly mtimes: number[] = [];
  digests = '';
  identities = '';

  constructor(first: FileEntry) {
    this.from = folderOf(first.from);
    this.to = folderOf(first.to);
    this.mode = first.mode;
    this.uid = first.uid;
    this.gid = first.gid;
    this.#put(first);
  }

  /** False, and nothing added, for an entry that does not belong here. */
  add(entry: CopyEntry | CopyRun): boolean {
    const belongs =
      entry.type !== 'files' &&
      isPlain(entry) &&
      entry.mode === this.mode &&
      entry.uid === this.uid &&
      entry.gid === this.gid &&
      folderOf(entry.from) === this.from &&
      folderOf(entry.to) === this.to &&
      this.names.length < longestRun;
    if (belongs) this.#put(entry);
    return belongs;
  }

  #put({ to, size, mtime, digest, identity }: FileEntry): void {
    this.identities += `${this.names.length === 0 ? '' : ','}${identity === undefined ? '' : encodeIdentity(identity)}`;
    this.names.push(nameOf(to));
    this.sizes.push(size);
    this.mtimes.push(mtime);
    this.digests += digest;
  }
}

/** A file that columns say all of. The source itself, which goes to '', may get another name and is none. */
function isPlain(entry: CopyEntry): entry is FileEntry {
  return (
    entry.type === 'file' &&
    entry.to !== '' &&
    entry.inline === undefined &&
    entry.xattrs === undefined &&
    entry.digest.length === digestLength &&
    nameOf(entry.from) === nameOf(entry.to)
  );
}
