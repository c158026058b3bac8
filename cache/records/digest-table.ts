import { crc32 } from 'node:zlib';
import { type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { digestText, digestWords, type StampedFiles, stampWords } from './stamped-files.ts';

/**
 * The file of a context's digests: a header, a section for each folder, a checksum. A section is a header of four numbers, the folder's path, an
 * entry of fixed size for each file in the order of their names, and the names behind each other. Numbers are words of 4 bytes, little-endian as
 * all machines that we run on; what is not a multiple of a word is padded, so that words can be read where they lie.
 */
export class DigestTable {
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #sections = new Map<RawPath, TableSection>();

  /** A damaged file counts as empty. */
  constructor(bytes: Buffer | undefined) {
    this.#bytes = aligned(bytes !== undefined && isWholeTable(bytes) ? bytes : Buffer.alloc(0));
    this.#words = new Uint32Array(this.#bytes.buffer, this.#bytes.byteOffset, Math.floor(this.#bytes.length / 4));
    const end = this.#bytes.length - checksumBytes;
    for (let start = headerBytes; start < end; ) {
      const section = new TableSection(this.#bytes, this.#words, start);
      this.#sections.set(section.folder, section);
      start = section.end;
    }
  }

  /** What is remembered of a folder's files. */
  section(folder: RawPath): TableSection | undefined {
    return this.#sections.get(folder);
  }

  get sections(): Iterable<TableSection> {
    return this.#sections.values();
  }
}

/** The files of one folder. */
export class TableSection {
  readonly folder: RawPath;
  /** Where the next section begins. */
  readonly end: number;
  readonly count: number;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #start: number;
  readonly #entries: number;
  readonly #names: number;
  #next = 0;

  constructor(bytes: Buffer, words: Uint32Array, start: number) {
    const [folderBytes = 0, count = 0, namesBytes = 0] = words.subarray(start / 4, start / 4 + 3);
    const folderStart = start + sectionHeaderBytes;
    this.#bytes = bytes;
    this.#words = words;
    this.#start = start;
    this.folder = rawPath(bytes.toString('latin1', folderStart, folderStart + folderBytes));
    this.count = count;
    this.#entries = (folderStart + padded(folderBytes)) / 4;
    this.#names = this.#entries * 4 + count * entryWords * 4;
    this.end = this.#names + padded(namesBytes);
  }

  /** Which entry a file has; -1 when it has none. Quick when names are asked for in their order. */
  find(name: RawPath): number {
    const index = this.#next < this.count && this.#compare(this.#next, name) === 0 ? this.#next : this.#search(name);
    if (index >= 0) this.#next = index + 1;
    return index;
  }

  /** Gives a row the digest of an entry; false, and nothing done, when the file has changed since. */
  fill(index: number, files: StampedFiles, row: number): boolean {
    const start = this.#entryAt(index);
    if (!files.isStampAt(row, this.#words, start + at.stamp)) return false;
    files.takeDigest(row, this.#words, start + at.digest);
    return true;
  }

  digest(index: number): string {
    return digestText(this.#bytes, this.#entryAt(index) + at.digest);
  }

  isSame(index: number, stamp: Uint32Array): boolean {
    const start = this.#entryAt(index) + at.stamp;
    return stamp.every((word, offset) => word === this.#words[start + offset]);
  }

  /** The day of its latest use, counted from the epoch. */
  day(index: number): number {
    return this.#words[this.#entryAt(index) + at.day] ?? 0;
  }

  setDay(index: number, day: number): void {
    this.#words[this.#entryAt(index) + at.day] = day;
  }

  name(index: number): RawPath {
    return rawPath(this.#bytes.toString('latin1', this.#names + this.#nameStart(index), this.#names + this.#nameEnd(index)));
  }

  /** The words of an entry, to be copied. */
  entry(index: number): Uint32Array {
    const start = this.#entryAt(index);
    return this.#words.subarray(start, start + entryWords);
  }

  /** All of it as it was written, with the days of use as they are now. */
  get bytes(): Buffer {
    return this.#bytes.subarray(this.#start, this.end);
  }

  #search(name: RawPath): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(middle, name) < 0) low = middle + 1;
      else high = middle;
    }
    this.#next = low;
    return low < this.count && this.#compare(low, name) === 0 ? low : -1;
  }

  /** Negative when the entry's name comes before, positive when it comes after. */
  #compare(index: number, name: RawPath): number {
    const start = this.#names + this.#nameStart(index);
    const length = this.#nameEnd(index) - this.#nameStart(index);
    const common = Math.min(length, name.length);
    for (let offset = 0; offset < common; offset++) {
      const difference = (this.#bytes[start + offset] ?? 0) - name.charCodeAt(offset);
      if (difference !== 0) return difference;
    }
    return length - name.length;
  }

  #nameStart(index: number): number {
    return index === 0 ? 0 : this.#nameEnd(index - 1);
  }

  #nameEnd(index: number): number {
    return this.#words[this.#entryAt(index) + at.nameEnd] ?? 0;
  }

  #entryAt(index: number): number {
    return this.#entries + index * entryWords;
  }
}

/** Words of an entry; the names up to the end of the file's own are those before it. */
const at = { stamp: 0, day: stampWords, nameEnd: stampWords + 1, digest: stampWords + 2 } as const;
export const entryWords: number = at.digest + digestWords;
/** Where an entry has its stamp and its digest. */
export const entryPlaces: { readonly stamp: number; readonly digest: number } = { stamp: at.stamp, digest: at.digest };

const headerBytes = 8;
const sectionHeaderBytes = 16;
const checksumBytes = 4;

/** "tsbFile"; the last byte is the format. */
const magic = Buffer.from([0x74, 0x73, 0x62, 0x46, 0x69, 0x6c, 0x65, 2]);

/** True for the file of a context as it was written. */
export function isWholeTable(bytes: Buffer): boolean {
  if (bytes.length < headerBytes + checksumBytes || !bytes.subarray(0, headerBytes).equals(magic)) return false;
  const end = bytes.length - checksumBytes;
  return crc32(bytes.subarray(0, end)) === bytes.readUInt32LE(end);
}

/** A file of a section that is written. */
export interface TableFile {
  readonly name: RawPath;
  /** Its words but for day and name. */
  readonly entry: Uint32Array;
  readonly day: number;
}

/** A section of files in the order of their names. */
export function encodeSection(folder: RawPath, files: readonly TableFile[]): Buffer {
  const namesBytes = files.reduce((bytes, { name }) => bytes + name.length, 0);
  const entriesStart = sectionHeaderBytes + padded(folder.length);
  const namesStart = entriesStart + files.length * entryWords * 4;
  const bytes = Buffer.from(new ArrayBuffer(namesStart + padded(namesBytes)));
  const words = new Uint32Array(bytes.buffer);
  words.set([folder.length, files.length, namesBytes]);
  bytes.write(folder, sectionHeaderBytes, 'latin1');
  let nameEnd = 0;
  for (const [index, { name, entry, day }] of files.entries()) {
    const start = entriesStart / 4 + index * entryWords;
    bytes.write(name, namesStart + nameEnd, 'latin1');
    nameEnd += name.length;
    words.set(entry, start);
    words[start + at.day] = day;
    words[start + at.nameEnd] = nameEnd;
  }
  return bytes;
}

/** A whole file of sections, in pieces of some size: each costs a journey to another thread. */
export function* encodeTable(sections: Iterable<Buffer>): Generator<Buffer, void, undefined> {
  let checksum = crc32(magic);
  let pieces: Buffer[] = [magic];
  let length = 0;
  for (const section of sections) {
    checksum = crc32(section, checksum);
    pieces.push(section);
    length += section.length;
    if (length < pieceBytes) continue;
    yield Buffer.concat(pieces);
    pieces = [];
    length = 0;
  }
  const end = Buffer.alloc(checksumBytes);
  end.writeUInt32LE(checksum);
  yield Buffer.concat([...pieces, end]);
}

const pieceBytes = 1 << 18;

function padded(bytes: number): number {
  return (bytes + 3) & ~3;
}

/** Words can only be read where bytes begin at a word. */
function aligned(bytes: Buffer): Buffer {
  return bytes.byteOffset % 4 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
}
