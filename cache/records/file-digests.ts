import { crc32 } from 'node:zlib';
import { type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { orStoreError } from '../files/errors.ts';
import { readIfThere, writeAtomically } from '../files/store-files.ts';

/** Enough of a stat to notice a change of a file. Node's BigIntStats is one. */
export interface FileStamp {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

interface RememberedDigest {
  readonly stamp: FileStamp;
  /** sha256, hex. */
  readonly digest: string;
}

interface Options {
  /** The clock, in days since the epoch; for tests. */
  readonly today?: number;
}

/**
 * The content digests of the files below one context root, so that an unchanged file is not read again. A file counts as unchanged
 * while device, inode, size, mtime and ctime are the same. Files that had changed just before they were read are not remembered:
 * another change within the same tick of the clock would not show in their times ("racily clean" in git's words).
 */
export class FileDigests {
  readonly #file: string;
  readonly #today: number;
  readonly #table: DigestTable;
  readonly #fresh = new Map<RawPath, RememberedDigest>();

  private constructor(file: string, table: DigestTable, today: number) {
    this.#file = file;
    this.#table = table;
    this.#today = today;
  }

  /** Loads what was remembered. A damaged file counts as empty. */
  static async load(file: string, options: Options = {}): Promise<FileDigests> {
    const bytes = await orStoreError(() => readIfThere(file), 'read the digests of a context', file);
    const today = options.today ?? Math.floor(Date.now() / 86_400_000);
    return new FileDigests(file, readTable(bytes), today);
  }

  /** The digest of a file's content (sha256, hex) if the file has not changed since it was hashed. */
  get(path: RawPath, stamp: FileStamp): string | undefined {
    const fresh = this.#fresh.get(path);
    if (fresh !== undefined) return isSameStamp(fresh.stamp, stamp) ? fresh.digest : undefined;
    const offset = this.#table.offsets.get(path);
    if (offset === undefined || !isSameAt(this.#table.bytes, offset, stamp)) return undefined;
    this.#table.used.add(offset);
    return this.#table.bytes.toString('hex', offset + at.digest, offset + at.path);
  }

  /** Remembers a digest, unless the file had changed so shortly before `readNs` (when reading began) that it is racy. */
  remember(path: RawPath, file: RememberedDigest, readNs: bigint): void {
    const changedNs = file.stamp.ctimeNs > file.stamp.mtimeNs ? file.stamp.ctimeNs : file.stamp.mtimeNs;
    if (changedNs + tickNs < readNs) this.#fresh.set(path, file);
  }

  /** Writes what is new. Entries that no build used for a month are dropped, and the oldest when there are too many. */
  async save(): Promise<void> {
    if (this.#fresh.size === 0 && !this.#isDue()) return;
    const bytes = this.#encode();
    await orStoreError(() => writeAtomically(this.#file, bytes), 'write the digests of a context', this.#file);
  }

  /** Days of use are written now and then only, so that a build that changes nothing writes nothing. */
  #isDue(): boolean {
    for (const offset of this.#table.used) return this.#table.bytes.readUInt32LE(offset + at.day) + 7 < this.#today;
    return false;
  }

  #encode(): Buffer {
    const kept = this.#keptOffsets();
    const pieces: Buffer[] = [Buffer.alloc(headerBytes)];
    for (const [path, file] of this.#fresh) pieces.push(encodeEntry(path, file, this.#today));
    for (const offset of kept) pieces.push(this.#copyOf(offset));
    const bytes = Buffer.concat(pieces);
    magic.copy(bytes);
    bytes.writeUInt32LE(pieces.length - 1, 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(headerBytes)), 12);
    return bytes;
  }

  #keptOffsets(): readonly number[] {
    const { bytes, offsets, used } = this.#table;
    const old = [...offsets].filter(([path]) => !this.#fresh.has(path)).map(([, offset]) => offset);
    const isRecent = (offset: number): boolean => bytes.readUInt32LE(offset + at.day) + keptDays >= this.#today;
    const seen = old.filter((offset) => used.has(offset));
    const unseen = old.filter((offset) => !used.has(offset) && isRecent(offset));
    return [...seen, ...unseen].slice(0, Math.max(0, maximalEntries - this.#fresh.size));
  }

  #copyOf(offset: number): Buffer {
    const { bytes, used } = this.#table;
    const copy = Buffer.from(bytes.subarray(offset, offset + at.path + bytes.readUInt32LE(offset + at.length)));
    if (used.has(offset)) copy.writeUInt32LE(this.#today, at.day);
    return copy;
  }
}

/** How long before reading a file must have been left alone: the coarsest clock of a file system in use (FAT). */
const tickNs = 2_000_000_000n;
const keptDays = 30;
const maximalEntries = 400_000;

/** "tsbFiles"; the last byte is the format. */
const magic = Buffer.from([0x74, 0x73, 0x62, 0x46, 0x69, 0x6c, 0x65, 1]);
const headerBytes = 16;
/** Offsets in an entry; the path follows. Numbers are little-endian. */
const at = { dev: 0, ino: 8, size: 16, mtime: 24, ctime: 32, day: 40, length: 44, digest: 48, path: 80 } as const;

interface DigestTable {
  readonly bytes: Buffer;
  readonly offsets: ReadonlyMap<RawPath, number>;
  readonly used: Set<number>;
}

function readTable(bytes: Buffer | undefined): DigestTable {
  const offsets = new Map<RawPath, number>();
  if (bytes === undefined || !isWholeTable(bytes)) return { bytes: Buffer.alloc(0), offsets, used: new Set() };
  let offset = headerBytes;
  for (let left = bytes.readUInt32LE(8); left > 0; left--) {
    const end = offset + at.path + bytes.readUInt32LE(offset + at.length);
    offsets.set(rawPath(bytes.toString('latin1', offset + at.path, end)), offset);
    offset = end;
  }
  return { bytes, offsets, used: new Set() };
}

/** True for the file of a context as it was written. */
export function isWholeTable(bytes: Buffer): boolean {
  if (bytes.length < headerBytes || !bytes.subarray(0, 8).equals(magic)) return false;
  return crc32(bytes.subarray(headerBytes)) === bytes.readUInt32LE(12);
}

function encodeEntry(path: RawPath, { stamp, digest }: RememberedDigest, day: number): Buffer {
  const bytes = Buffer.allocUnsafe(at.path + path.length);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, stamp.dev), at.dev);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, stamp.ino), at.ino);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, stamp.size), at.size);
  bytes.writeBigInt64LE(BigInt.asIntN(64, stamp.mtimeNs), at.mtime);
  bytes.writeBigInt64LE(BigInt.asIntN(64, stamp.ctimeNs), at.ctime);
  bytes.writeUInt32LE(day, at.day);
  bytes.writeUInt32LE(path.length, at.length);
  bytes.write(digest, at.digest, 'hex');
  bytes.write(path, at.path, 'latin1');
  return bytes;
}

/** True when nothing tells that a file has changed between two looks at it. */
export function isSameStamp(a: FileStamp, b: FileStamp): boolean {
  return a.ctimeNs === b.ctimeNs && a.mtimeNs === b.mtimeNs && a.ino === b.ino && a.size === b.size && a.dev === b.dev;
}

function isSameAt(bytes: Buffer, offset: number, stamp: FileStamp): boolean {
  return (
    bytes.readBigInt64LE(offset + at.ctime) === stamp.ctimeNs &&
    bytes.readBigInt64LE(offset + at.mtime) === stamp.mtimeNs &&
    bytes.readBigUInt64LE(offset + at.ino) === stamp.ino &&
    bytes.readBigUInt64LE(offset + at.size) === stamp.size &&
    bytes.readBigUInt64LE(offset + at.dev) === stamp.dev
  );
}
