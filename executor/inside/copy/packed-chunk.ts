import { readSync } from 'node:fs';
import type { FileBatch } from '../../../native/batch/file-batch.ts';
import { close } from '../../../native/files.ts';
import { digestAt } from '../../../registry/oci/layer/layer-run.ts';
import { joinPath, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';
import { blockSize, paddingOf } from '../../../registry/oci/tar/block.ts';
import { encodeTarHeader } from '../../../registry/oci/tar/writer.ts';
import type { ContentParts } from '../content/content-check.ts';
import type { ContentChecks } from '../content/content-checks.ts';
import type { PackedFile, PackedItem, PackedRun } from './packed-item.ts';
import { type SourceTree, sourceChanged } from './source-tree.ts';

/** Where the content of a file that is read with others goes in its chunk. */
interface ChunkedFile {
  readonly from: RawPath;
  readonly start: number;
  readonly size: number;
}

const capacity = 1 << 20;
const noName = rawPath('');

/** A piece of a tar: first it is laid out, then its files are read into it, all at once and in the background. */
export class PackedChunk {
  readonly #source: SourceTree;
  readonly #batch: FileBatch;
  readonly #checks: ContentChecks;
  readonly #places: ChunkedFile[] = [];
  #parts = new ChunkParts();
  #used = 0;
  #checking: Promise<void> | undefined;

  constructor(source: SourceTree, checks: ContentChecks) {
    this.#source = source;
    this.#checks = checks;
    this.#batch = source.batch({ files: capacity / (2 * blockSize), contentBytes: capacity, isShared: true });
    this.clear();
  }

  get isFull(): boolean {
    return this.#used === capacity;
  }

  /** Makes it as new. Its memory keeps what it had. */
  clear(): void {
    this.#used = 0;
    this.#places.length = 0;
    this.#parts = new ChunkParts();
    this.#batch.clear();
    this.#checking = undefined;
  }

  /** Makes room for an entry; false when there is not enough for all of it. */
  put({ header, file }: PackedItem): boolean {
    const encoded = encodeTarHeader(header);
    const contentStart = this.#used + encoded.length;
    if (!this.#hasRoom(contentStart, header.size)) return false;
    this.#batch.content.set(encoded, this.#used);
    this.#putContent(file, contentStart, header.size);
    return true;
  }

  /** Makes room for files of a run from the one at an index; gives the index of the first that has to be put as an entry of its own. */
  putFiles({ files, headers, from }: PackedRun, first: number): number {
    const { names, sizes, mtimes, digests } = files;
    for (let index = first; index < names.length; index += 1) {
      const name = names[index] ?? noName;
      const size = sizes[index] ?? 0;
      const mtime = mtimes[index] ?? 0;
      const contentStart = this.#used + blockSize;
      if (!this.#hasRoom(contentStart, size)) return index;
      this.#batch.content.fill(0, this.#used, contentStart);
      if (!headers.put({ name, size, mtime }, this.#batch.content, this.#used)) return index;
      const file = size === 0 ? undefined : { from: joinPath(from, name), digest: digestAt(digests, index) };
      this.#putContent(file, contentStart, size);
    }
    return names.length;
  }

  /** Adds bytes until it is full; gives how many. */
  append(bytes: Readonly<Uint8Array>): number {
    const length = Math.min(bytes.length, capacity - this.#used);
    this.#batch.content.set(bytes.subarray(0, length), this.#used);
    this.#used += length;
    return length;
  }

  /** Adds what an open file gives next, which is `length` bytes at most, until it is full; gives how many, none where the file ends. */
  appendFrom(fd: number, { from, digest }: PackedFile, length: number): number {
    const start = this.#used;
    const size = readSync(fd, this.#batch.content, start, Math.min(length, capacity - start), null);
    this.#parts.add({ from, start, size, digest: size === length ? digest : undefined });
    this.#used += size;
    return size;
  }

  /**
   * Begins to read the files, and to compare them when `turn` says that those of the chunk before are; resolves when that has begun. Until
   * bytes() has settled nothing may be added.
   */
  startReading(turn: Promise<void>): Promise<void> {
    const read = this.#read();
    const begun = Promise.all([read, turn]).then(() => ({ check: this.#check() }));
    this.#checking = begun.then(({ check }) => check);
    this.#checking.catch(() => undefined); // bytes() and settled() tell
    return begun.then(() => undefined);
  }

  /** Settles when nobody writes to the chunk's memory any more. */
  async settled(): Promise<void> {
    await this.#checking?.catch(() => undefined);
  }

  /** The bytes of the chunk. Rejects when a file is no longer what its digest says, or cannot be read. */
  async bytes(): Promise<Uint8Array> {
    await this.#checking;
    return this.#batch.content.subarray(0, this.#used);
  }

  async #read(): Promise<void> {
    await this.#batch.read();
    for (const [index, place] of this.#places.entries()) if (this.#batch.result(index) !== place.size) this.#readAgain(place);
  }

  async #check(): Promise<void> {
    const other = await this.#checks.firstOther(this.#batch.content, this.#parts);
    if (other !== undefined) throw sourceChanged(this.#parts.names[other] ?? noName);
  }

  #hasRoom(contentStart: number, size: number): boolean {
    return contentStart + size + paddingOf(size) <= capacity && !this.#batch.isFull;
  }

  #putContent(file: PackedFile | undefined, start: number, size: number): void {
    if (file !== undefined) {
      const { from, digest } = file;
      this.#places.push({ from, start, size });
      this.#parts.add({ from, start, size, digest });
      this.#batch.add(from, start, size);
    }
    const end = start + size;
    this.#used = end + paddingOf(size);
    this.#batch.content.fill(0, end, this.#used);
  }

  /** The usual way, which tells what is wrong, or takes as many calls as it needs. */
  #readAgain({ from, start, size }: ChunkedFile): void {
    const fd = this.#source.openFile(from);
    try {
      for (let at = 0; at < size; ) {
        const length = readSync(fd, this.#batch.content, start + at, size - at, null);
        if (length === 0) throw sourceChanged(from);
        at += length;
      }
    } finally {
      close(fd);
    }
  }
}

/** The contents in a chunk, and whose they are. */
class ChunkParts implements ContentParts {
  readonly names: RawPath[] = [];
  readonly starts: number[] = [];
  readonly sizes: number[] = [];
  digests = '';
  isOpen = false;

  /** `digest`: undefined when the content goes on. */
  add({ from, start, size, digest }: ChunkedFile & { readonly digest: string | undefined }): void {
    this.names.push(from);
    this.starts.push(start);
    this.sizes.push(size);
    this.digests += digest ?? '';
    this.isOpen = digest === undefined;
  }
}
