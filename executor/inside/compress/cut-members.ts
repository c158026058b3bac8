import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { blockSize, field, numberField, paddingOf } from '../../../registry/oci/tar/block.ts';
import { parsePaxRecords } from '../../../registry/oci/tar/pax.ts';
import { TarError } from '../../../registry/oci/tar/tar-error.ts';
import type { MemberCut } from '../../protocol/messages.ts';

/** A part of a tar that is compressed by itself. Its bytes hold until the next one is asked for. */
export interface TarMember {
  readonly bytes: Uint8Array;
  /** 64 hex digits that follow from the bytes. Only members that were named in the same way can be compared. */
  readonly name: string;
}

export interface CutOptions {
  readonly cut: MemberCut;
  /** Goes into every name. */
  readonly prefix: string;
  /** Each file that is not empty, in the order of the tar. With it content need not be hashed for the names. */
  readonly contents?: Iterator<FileContent> | undefined;
}

/** What is known of the content of a file. */
export interface FileContent {
  readonly size: number;
  /** sha256, hex. */
  readonly digest: string;
}

const mebibyte = 1 << 20;

/** In bytes. All of these decide digests of compressed layers, so that a rule does not change: it gets others beside it. */
interface CutRule {
  readonly fewest: number;
  readonly most: number;
  readonly mean: number;
  /** Files from here on are cut by themselves, into pieces. */
  readonly large: number;
  readonly piece: number;
}

const rules: Readonly<Record<MemberCut, CutRule>> = {
  'entries-1m': { fewest: mebibyte / 4, most: 2 * mebibyte, mean: mebibyte, large: 2 * mebibyte, piece: mebibyte },
};

/** Below it, hashing content costs less than hashing what stands for it. */
const hashedContent = 1 << 14;

/**
 * Cuts a tar into the members that are compressed by themselves, by its headers alone: neither time, nor threads, nor what was built before
 * decide, and an edit of a file moves few cuts. Before an entry there is a cut when the hash of its name is below its size, so that a mebibyte
 * has one on average and most entries have none whatever their neighbours are. Members have 256 KiB to 2 MiB; files of 2 MiB and more
 * are cut every mebibyte from their own first byte, and share no member with others. Chunks are multiples of a block but for the last one.
 */
export async function* cutMembers(
  chunks: AsyncIterable<Uint8Array>,
  options: CutOptions,
): AsyncGenerator<TarMember, void, undefined> {
  const cutter = new Cutter(options);
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < bytes.length; ) {
      if (cutter.isCutBefore(bytes, at)) yield cutter.take();
      at += cutter.add(bytes, at);
    }
  }
  if (!cutter.isEmpty) yield cutter.take();
}

/** The entry that the bytes at hand belong to. */
interface Entry {
  /** Bytes of it that are still to come, with its padding. */
  left: number;
  /** Until the next cut, in a large file. */
  pieceLeft: number;
  /** What stands for its content in names; undefined when the content does. */
  readonly standIn: string | undefined;
  /** Where the content is in the member, when it is an extended header for the next entry. */
  readonly extension: readonly [start: number, end: number] | undefined;
}

class Cutter {
  readonly #options: CutOptions;
  readonly #rule: CutRule;
  readonly #member: Buffer;
  #used = 0;
  #entry: Entry = { left: 0, pieceLeft: Number.POSITIVE_INFINITY, standIn: undefined, extension: undefined };
  /** The next entry's, where an extended header says it: it does not fit its own then. */
  #nextSize: number | undefined;
  #isCutDue = false;
  #name: Hash;
  /** Up to where the member's bytes are in its name. */
  #named = 0;
  #isContentNamed = false;

  constructor(options: CutOptions) {
    this.#options = options;
    this.#rule = rules[options.cut];
    this.#member = Buffer.allocUnsafe(this.#rule.most + 2 * blockSize);
    this.#name = this.#newName();
  }

  get isEmpty(): boolean {
    return this.#used === 0;
  }

  isCutBefore(bytes: Buffer, at: number): boolean {
    if (this.isEmpty) return false;
    return this.#isCutDue || (this.#entry.left === 0 && this.#isCutBeforeEntry(bytes, at));
  }

  #isCutBeforeEntry(bytes: Buffer, at: number): boolean {
    const { fewest, most, mean, large } = this.#rule;
    const size = blockSize + this.#paddedSize(bytes, at);
    if (size >= large + blockSize || this.#used + size > most) return true;
    return this.#used >= fewest && nameHash(bytes, at) * mean < size * 2 ** 32;
  }

  /** Takes a header or a part of a content, and says how many bytes that were. */
  add(bytes: Buffer, at: number): number {
    const length = this.#entry.left === 0 ? this.#addHeader(bytes, at) : this.#addContent(bytes, at);
    this.#used += length;
    return length;
  }

  #addHeader(bytes: Buffer, at: number): number {
    const size = this.#nextSize ?? sizeAt(bytes, at);
    const left = size + paddingOf(size);
    const isLarge = left >= this.#rule.large;
    const isExtension = bytes[at + field.type[0]] === 0x78 && left > 0 && !isLarge;
    this.#entry = {
      left,
      pieceLeft: isLarge ? this.#rule.piece : Number.POSITIVE_INFINITY,
      standIn: left > 0 && isFile(bytes, at) ? this.#standIn(left) : undefined,
      extension: isExtension ? [this.#used + blockSize, this.#used + blockSize + size] : undefined,
    };
    this.#nextSize = undefined;
    this.#isContentNamed = false;
    return bytes.copy(this.#member, this.#used, at, at + blockSize);
  }

  #paddedSize(bytes: Buffer, at: number): number {
    const size = this.#nextSize ?? sizeAt(bytes, at);
    return size + paddingOf(size);
  }

  /** Every file that is not empty takes one, whether it is used or not. What does not fit the tar stands for nothing. */
  #standIn(paddedSize: number): string | undefined {
    const next = this.#options.contents?.next();
    if (next === undefined || next.done === true || next.value.size + paddingOf(next.value.size) !== paddedSize) return undefined;
    return paddedSize < hashedContent ? undefined : next.value.digest;
  }

  #addContent(bytes: Buffer, at: number): number {
    const entry = this.#entry;
    const length = bytes.copy(this.#member, this.#used, at, at + Math.min(entry.left, entry.pieceLeft, bytes.length - at));
    if (entry.standIn !== undefined) this.#nameContent(entry, length);
    entry.left -= length;
    entry.pieceLeft -= length;
    const isLarge = entry.pieceLeft < Number.POSITIVE_INFINITY;
    this.#isCutDue = isLarge && (entry.left === 0 || (entry.pieceLeft === 0 && entry.left >= this.#rule.piece / 2));
    if (isLarge && entry.pieceLeft === 0) entry.pieceLeft = this.#isCutDue ? this.#rule.piece : entry.left;
    if (entry.extension !== undefined && entry.left === 0) this.#nextSize = sizeIn(this.#member.subarray(...entry.extension));
    return length;
  }

  /** The stand-in is named once in a member: how much of the content that has follows from how much is left, and chunks have no part in it. */
  #nameContent({ standIn = '', left }: Entry, length: number): void {
    if (!this.#isContentNamed) this.#name.update(this.#member.subarray(this.#named, this.#used)).update(`${standIn} ${left}\n`);
    this.#isContentNamed = true;
    this.#named = this.#used + length;
  }

  take(): TarMember {
    const bytes = this.#member.subarray(0, this.#used);
    const name = this.#name.update(bytes.subarray(this.#named)).digest('hex');
    this.#used = 0;
    this.#named = 0;
    this.#isCutDue = false;
    this.#isContentNamed = false;
    this.#name = this.#newName();
    return { bytes, name };
  }

  /** What is named by stand-ins can have the name of nothing that is not. */
  #newName(): Hash {
    const { prefix, contents } = this.#options;
    return createHash('sha256').update(`${prefix} ${contents === undefined ? 'bytes' : 'contents'}\n`);
  }
}

function nameHash(bytes: Buffer, at: number): number {
  return crc32(partAt(bytes, at, field.prefix), crc32(partAt(bytes, at, field.name)));
}

function partAt(bytes: Buffer, at: number, [offset, length]: readonly [offset: number, length: number]): Buffer {
  return bytes.subarray(at + offset, at + offset + length);
}

function isFile(bytes: Buffer, at: number): boolean {
  const type = bytes[at + field.type[0]];
  return type === 0 || type === 0x30;
}

/** The size that an extended header says. (pax(1), "pax Extended Header") */
function sizeIn(records: Buffer): number | undefined {
  if (!records.includes(' size=')) return undefined;
  try {
    const size = Number(parsePaxRecords(records).find(({ key }) => key === 'size')?.value);
    return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
  } catch (error) {
    if (error instanceof TarError) return undefined;
    throw error;
  }
}

/** How many bytes of content follow a header. Whatever looks like none has none: only where cuts are depends on it. */
function sizeAt(bytes: Buffer, at: number): number {
  const type = bytes[at + field.type[0]] ?? 0;
  // Links, devices, folders and pipes. (tar(5), "POSIX ustar Archives")
  if (bytes.length < at + blockSize || (type >= 0x31 && type <= 0x36)) return 0;
  try {
    return Math.max(0, numberField(bytes.subarray(at, at + blockSize), field.size));
  } catch (error) {
    if (error instanceof TarError) return 0;
    throw error;
  }
}
