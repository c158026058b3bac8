import { hash } from 'node:crypto';
import { readSync } from 'node:fs';
import type { FileBatch } from '../../../native/batch/file-batch.ts';
import { close } from '../../../native/files.ts';
import type { RawPath } from '../../../registry/oci/raw-path.ts';
import { blockSize, paddingOf } from '../../../registry/oci/tar/block.ts';
import type { TarHeader } from '../../../registry/oci/tar/header.ts';
import { encodeTarHeader, putTarHeader } from '../../../registry/oci/tar/writer.ts';
import { type SourceTree, sourceChanged } from './source-tree.ts';

/** An entry of a tar. */
export interface PackedItem {
  readonly header: TarHeader;
  /** Where the content of `header.size` bytes is; only for files that are not empty. */
  readonly file: PackedFile | undefined;
}

export interface PackedFile {
  readonly from: RawPath;
  /** What the content must have as sha256, hex. */
  readonly digest: string;
}

/** Where the content of a file goes in its chunk. */
interface Place {
  readonly file: PackedFile;
  readonly start: number;
  readonly size: number;
}

const capacity = 1 << 20;

/** A piece of a tar: first it is laid out, then its files are read into it, all at once and in the background. */
export class TarChunk {
  readonly #source: SourceTree;
  readonly #batch: FileBatch;
  readonly #places: Place[] = [];
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
    const start = this.#used;
    const isPlain = start + blockSize <= capacity && putTarHeader(header, this.#batch.content, start);
    const encoded = isPlain ? undefined : encodeTarHeader(header);
    const contentStart = start + (encoded?.length ?? blockSize);
    const end = contentStart + header.size + paddingOf(header.size);
    if (end > capacity || (file !== undefined && this.#batch.isFull)) {
      return false;
    }
    if (encoded !== undefined) {
      this.#batch.content.set(encoded, start);
    }
    if (file !== undefined) {
      this.#places.push({ file, start: contentStart, size: header.size });
      this.#batch.add(file.from, contentStart, header.size);
    }
    this.#used = end;
    return true;
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
      if (this.#batch.result(index) !== place.size) {
        this.#readAgain(place);
      }
      this.#check(place);
    }
    return this.#batch.content.subarray(0, this.#used);
  }

  #check({ file, start, size }: Place): void {
    if (hash('sha256', this.#batch.content.subarray(start, start + size), 'hex') !== file.digest) {
      throw sourceChanged(file.from);
    }
  }

  /** The usual way, which tells what is wrong, or takes as many calls as it needs. */
  #readAgain({ file, start, size }: Place): void {
    const fd = this.#source.openFile(file.from);
    try {
      for (let at = 0; at < size; ) {
        const length = readSync(fd, this.#batch.content, start + at, size - at, null);
        if (length === 0) {
          throw sourceChanged(file.from);
        }
        at += length;
      }
    } finally {
      close(fd);
    }
  }
}
