import { folderOf, nameOf, type RawPath } from '../../registry/oci/raw-path.ts';
import { orStoreError } from '../files/errors.ts';
import { readIfThere, writeAtomically } from '../files/store-files.ts';
import {
  DigestTable,
  encodeSection,
  encodeTable,
  entryPlaces,
  entryWords,
  type TableFile,
  type TableSection,
} from './digest-table.ts';
import { type FileStamp, partsOfStamp, putStamp, StampedFiles, stampWords } from './stamped-files.ts';

interface Options {
  /** The clock, in days since the epoch; for tests. */
  readonly today?: number;
}

/** A file that was read: its row has stamp and digest. */
interface ReadFile {
  readonly folder: RawPath;
  readonly name: RawPath;
  readonly row: number;
}

/**
 * The content digests of the files below one context root, so that an unchanged file is not read again. A file counts as unchanged
 * while device, inode, size, mtime and ctime are the same. Files that had changed just before they were read are not remembered:
 * another change within the same tick of the clock would not show in their times ("racily clean" in git's words).
 */
export class FileDigests {
  /** What is known of the files of this build. */
  readonly files: StampedFiles = new StampedFiles();
  readonly #file: string;
  readonly #today: number;
  readonly #table: DigestTable;
  /** Rows by folder and name. */
  readonly #fresh = new Map<RawPath, Map<RawPath, number>>();
  #isDue = false;

  private constructor(file: string, table: DigestTable, today: number) {
    this.#file = file;
    this.#table = table;
    this.#today = today;
  }

  /** Loads what was remembered. A damaged file counts as empty. */
  static async load(file: string, options: Options = {}): Promise<FileDigests> {
    const bytes = await orStoreError(() => readIfThere(file), 'read the digests of a context', file);
    const today = options.today ?? Math.floor(Date.now() / 86_400_000);
    return new FileDigests(file, new DigestTable(bytes), today);
  }

  /** The digest of a file's content (sha256, hex) if the file has not changed since it was hashed. */
  get(path: RawPath, stamp: FileStamp): string | undefined {
    const [folder, name] = [folderOf(path), nameOf(path)];
    const words = new Uint32Array(stampWords);
    putStamp(words, 0, partsOfStamp(stamp));
    const row = this.#fresh.get(folder)?.get(name);
    if (row !== undefined) return this.files.isStampAt(row, words, 0) ? this.files.digest(row) : undefined;
    const section = this.#table.section(folder);
    const index = section?.find(name) ?? -1;
    if (section === undefined || index < 0 || !section.isSame(index, words)) return undefined;
    this.#use(section, index);
    return section.digest(index);
  }

  /** Gives a row the digest of a file that has not changed since it was hashed; false when there is none. Quick in the order of names. */
  fill({ folder, name, row }: ReadFile): boolean {
    const section = this.#table.section(folder);
    if (section === undefined) return false;
    const index = section.find(name);
    if (index < 0 || !section.fill(index, this.files, row)) return false;
    this.#use(section, index);
    return true;
  }

  /** Remembers a digest, unless the file had changed so shortly before `readNs` (when reading began) that it is racy. */
  remember({ folder, name, row }: ReadFile, readNs: bigint): void {
    const { ctimeNs, mtimeNs } = this.files.stamp(row);
    const changedNs = ctimeNs > mtimeNs ? ctimeNs : mtimeNs;
    if (changedNs + tickNs >= readNs) return;
    const siblings = this.#fresh.get(folder);
    if (siblings === undefined) this.#fresh.set(folder, new Map([[name, row]]));
    else siblings.set(name, row);
  }

  /** Writes what is new. Entries that no build used for a month are dropped, and the oldest when there are too many. */
  async save(): Promise<void> {
    if (this.#fresh.size === 0 && !this.#isDue) return;
    const content = encodeTable(this.#sections());
    await orStoreError(() => writeAtomically(this.#file, content), 'write the digests of a context', this.#file);
  }

  /** Days of use are written now and then only, so that a build that changes nothing writes nothing. */
  #use(section: TableSection, index: number): void {
    if (section.day(index) === this.#today) return;
    if (section.day(index) + 7 < this.#today) this.#isDue = true;
    section.setDay(index, this.#today);
  }

  /** What this build saw comes first, so that the limit is for what it did not see. */
  *#sections(): Generator<Buffer, void, undefined> {
    let left = maximalEntries;
    const written = function* (folder: RawPath, files: readonly TableFile[]): Generator<Buffer, void, undefined> {
      const kept = files.slice(0, left);
      left -= kept.length;
      if (kept.length > 0) yield encodeSection(folder, kept);
    };
    for (const [folder, names] of this.#fresh) yield* written(folder, this.#merged(names, this.#table.section(folder)));
    const old = [...this.#table.sections].filter(({ folder }) => !this.#fresh.has(folder));
    for (const section of old.toSorted((a, b) => this.#latestDay(b) - this.#latestDay(a))) {
      if (section.count <= left && this.#isKept(section)) {
        left -= section.count;
        yield section.bytes;
      } else yield* written(section.folder, this.#kept(section));
    }
  }

  #latestDay(section: TableSection): number {
    let latest = 0;
    for (let index = 0; index < section.count; index++) latest = Math.max(latest, section.day(index));
    return latest;
  }

  #merged(names: ReadonlyMap<RawPath, number>, section: TableSection | undefined): readonly TableFile[] {
    const files = [...names].map(([name, row]) => ({ name, entry: this.#entryOf(row), day: this.#today }));
    const old = section === undefined ? [] : this.#kept(section).filter(({ name }) => !names.has(name));
    return [...files, ...old].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  #entryOf(row: number): Uint32Array {
    const entry = new Uint32Array(entryWords);
    this.files.writeTo(row, entry, entryPlaces);
    return entry;
  }

  /** True when all of it stays. */
  #isKept(section: TableSection): boolean {
    for (let index = 0; index < section.count; index++) if (section.day(index) + keptDays < this.#today) return false;
    return section.count > 0;
  }

  #kept(section: TableSection): readonly TableFile[] {
    const files: TableFile[] = [];
    for (let index = 0; index < section.count; index++) {
      const day = section.day(index);
      if (day + keptDays >= this.#today) files.push({ name: section.name(index), entry: section.entry(index), day });
    }
    return files;
  }
}

/** How long before reading a file must have been left alone: the coarsest clock of a file system in use (FAT). */
const tickNs = 2_000_000_000n;
const keptDays = 30;
const maximalEntries = 400_000;
