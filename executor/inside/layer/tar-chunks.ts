import { createHash, hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { Pace, type Pause, pause } from '../../../registry/oci/pace.ts';
import { textOfPath } from '../../../registry/oci/raw-path.ts';
import { endOfArchive, paddingOf } from '../../../registry/oci/tar/block.ts';
import type { TarHeader } from '../../../registry/oci/tar/header.ts';
import { encodeTarHeader } from '../../../registry/oci/tar/writer.ts';
import { Refusal } from '../request/failure.ts';

/** One entry of a tar that is made from files. */
export interface TarItem {
  readonly header: TarHeader;
  /** The open file with the content; only for files that are not empty. It is read to `header.size` and stays open. */
  readonly fd: number | undefined;
  /** Stands for as many bytes at the beginning of the content; at most a block. */
  readonly head?: Uint8Array | undefined;
  /** Called with the sha256 of the content, hex, before the next item is asked for. */
  readonly onContent?: (digest: string) => void;
}

/** A multiple of a block, so that no header is cut in two. */
const chunkBytes = 1 << 20;

/**
 * The bytes of a tar in chunks of 1 MiB, the last one shorter. Two pieces of memory take turns, so a chunk must be used up before the
 * next but one is asked for. Files are read straight into them, small ones with one call.
 */
export function* tarChunks(items: Iterable<TarItem | Pause>): Generator<Buffer | Pause, void, undefined> {
  const stage = new Stage();
  const pace = new Pace();
  for (const item of items) {
    if (item === pause || pace.isDue()) yield pause;
    if (item === pause) continue;
    yield* stage.put(encodeTarHeader(item.header));
    if (item.header.size > 0) {
      yield* stage.putFile(item);
    } else if (item.header.type === 'file') {
      item.onContent?.(emptyDigest);
    }
  }
  yield* stage.put(endOfArchive);
  yield stage.rest();
}

/** The bytes of a tar that exists in the chunks that tarChunks() would give: all of them the same memory, the last one shorter. */
export async function* rechunked(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const block = Buffer.allocUnsafe(chunkBytes);
  let used = 0;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; ) {
      const length = Math.min(chunk.length - at, chunkBytes - used);
      block.set(chunk.subarray(at, at + length), used);
      used += length;
      at += length;
      if (used === chunkBytes) {
        used = 0;
        yield block;
      }
    }
  }
  yield block.subarray(0, used);
}

const emptyDigest = hash('sha256', '', 'hex');

class Stage {
  #buffer = Buffer.allocUnsafe(chunkBytes);
  /** Made when the first chunk is full: most layers have none. */
  #other: Buffer<ArrayBuffer> | undefined;
  #used = 0;

  *put(bytes: Readonly<Uint8Array>): Generator<Buffer, void, undefined> {
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(bytes.length - at, chunkBytes - this.#used);
      this.#buffer.set(bytes.subarray(at, at + length), this.#used);
      this.#used += length;
      at += length;
      yield* this.#whenFull();
    }
  }

  *putFile(item: TarItem): Generator<Buffer, void, undefined> {
    const { size } = item.header;
    const padding = paddingOf(size);
    if (this.#used + size + padding < chunkBytes) {
      const start = this.#used;
      this.#read(item, size);
      this.#setHead(item, start);
      item.onContent?.(hash('sha256', this.#buffer.subarray(start, this.#used), 'hex'));
    } else {
      yield* this.#putLargeFile(item);
    }
    this.#buffer.fill(0, this.#used, Math.min(this.#used + padding, chunkBytes));
    this.#used += padding;
    // Chunks and padded files are multiples of a block, so padding never goes over the edge.
    yield* this.#whenFull();
  }

  *#putLargeFile(item: TarItem): Generator<Buffer, void, undefined> {
    const digest = createHash('sha256');
    const { size } = item.header;
    for (let left = size; left > 0; ) {
      const start = this.#used;
      this.#read(item, Math.min(left, chunkBytes - start));
      if (left === size) this.#setHead(item, start);
      left -= this.#used - start;
      digest.update(this.#buffer.subarray(start, this.#used));
      yield* this.#whenFull();
    }
    item.onContent?.(digest.digest('hex'));
  }

  #read({ fd = -1, header }: TarItem, length: number): void {
    for (let left = length; left > 0; ) {
      const read = readSync(fd, this.#buffer, this.#used, left, null);
      if (read === 0) {
        throw new Refusal('source-changed', `Cannot read "${textOfPath(header.path)}": the file became shorter meanwhile`);
      }
      this.#used += read;
      left -= read;
    }
  }

  #setHead({ head }: TarItem, start: number): void {
    if (head !== undefined) this.#buffer.set(head, start);
  }

  *#whenFull(): Generator<Buffer, void, undefined> {
    if (this.#used === chunkBytes) {
      this.#used = 0;
      const full = this.#buffer;
      this.#buffer = this.#other ?? Buffer.allocUnsafe(chunkBytes);
      this.#other = full;
      yield full;
    }
  }

  rest(): Buffer {
    return this.#buffer.subarray(0, this.#used);
  }
}
