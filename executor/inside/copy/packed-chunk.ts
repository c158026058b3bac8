import { hash } from 'node:crypto';
import { readSync } from 'node:fs';
import type { FileBatch } from '../../../native/batch/file-batch.ts';
import { close } from '../../../native/files.ts';
import { digestAt } from '../../../registry/oci/layer/layer-run.ts';
import { joinPath, rawPath } from '../../../registry/oci/raw-path.ts';
import { blockSize, paddingOf } from '../../../registry/oci/tar/block.ts';
import { encodeTarHeader } from '../../../registry/oci/tar/writer.ts';
import type { PackedFile, PackedItem, PackedRun } from './packed-item.ts';
import { type SourceTree, sourceChanged } from './source-tree.ts';

/** Where the content of a file goes in its chunk. */
interface ChunkedFile extends PackedFile {
  readonly start: number;
  readonly size: number;
}

const capacity = 1 << 20;
const noName = rawPath('');

/** A piece of a tar: first it is laid out, then its files are read into it, all at once and in the background. */
export class PackedChunk {
  readonly #source: SourceTree;
  readonly #batch: FileBatch;
  readonly #places: ChunkedFile[] = [];
  #used = 0;
  #reading: Promise<void> | undefined;

  constructor(source: SourceTree) {
    this.#source = source;
    this.#batch = source.batch({ files: capacity / (2 * blockSize), contentBytes: capacity });
    this.clear();
  }

  get isFull(): boolean {
    return this.#used === capacity;
  }

  /** Makes it as new: what is not used of its memory is zeros, as headers and padding expect it. */
  clear(): void {
    this.#batch.content.fill(0);
    this.#used = 0;
    this.#places.length = 0;
    this.#batch.clear();
    this.#reading = undefined;
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
      if (!this.#hasRoom(contentStart, size) || !headers.put({ name, size, mtime }, this.#batch.content, this.#used)) {
        return index;
      }
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

  /** Adds what an open file gives next, at most `length` bytes, until it is full; gives the bytes, none where the file ends. */
  appendFrom(fd: number, length: number): Uint8Array {
    const start = this.#used;
    this.#used += readSync(fd, this.#batch.content, start, Math.min(length, capacity - start), null);
    return this.#batch.content.subarray(start, this.#used);
  }

  /** Begins to read the files. Until bytes() has settled nothing may be added. */
  startReading(): void {
    this.#reading = this.#batch.read();
    this.#reading.catch(() => undefined); // bytes() and settled() tell
  }

  /** Settles when nobody writes to the chunk's memory any more. */
  async settled(): Promise<void> {
    await this.#reading?.catch(() => undefined);
  }

  /** The bytes of the chunk. Rejects when a file is no longer what its digest says, or cannot be read. */
  async bytes(): Promise<Uint8Array> {
    await this.#reading;
    for (const [index, place] of this.#places.entries()) {
      if (this.#batch.result(index) !== place.size) this.#readAgain(place);
      this.#check(place);
    }
    return this.#batch.content.subarray(0, this.#used);
  }

  #hasRoom(contentStart: number, size: number): boolean {
    return contentStart + size + paddingOf(size) <= capacity && !this.#batch.isFull;
  }

  #putContent(file: PackedFile | undefined, start: number, size: number): void {
    if (file !== undefined) {
      this.#places.push({ from: file.from, digest: file.digest, start, size });
      this.#batch.add(file.from, start, size);
    }
    this.#used = start + size + paddingOf(size);
  }

  #check({ from, digest, start, size }: ChunkedFile): void {
    if (hash('sha256', this.#batch.view(start, size), 'hex') !== digest) throw sourceChanged(from);
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
