import { close } from '../../../native/files.ts';
import { endOfArchive, paddingOf } from '../../../registry/oci/tar/block.ts';
import { encodeTarHeader } from '../../../registry/oci/tar/writer.ts';
import { ContentChecks } from '../content/content-checks.ts';
import { PackedChunk } from './packed-chunk.ts';
import { itemOf, type PackedFile, type PackedItem, type PackedRun } from './packed-item.ts';
import { type SourceTree, sourceChanged } from './source-tree.ts';

/**
 * The bytes of a tar whose files are those of `source`, in pieces that must be used up before the next but one is asked for. While one is
 * used, the files of the next are read, and the headers of the one after that are written.
 */
export async function* packedTar(
  items: Iterable<PackedItem | PackedRun>,
  source: SourceTree,
): AsyncGenerator<Uint8Array, void, undefined> {
  using checks = new ContentChecks();
  let before: PackedChunk | undefined;
  let latest: PackedChunk | undefined;
  let turn: Promise<void> = Promise.resolve();
  try {
    for (const chunk of layOut(items, source, checks)) {
      before = latest;
      latest = chunk;
      turn = chunk.startReading(turn);
      turn.catch(() => undefined); // told by the chunk itself
      if (before !== undefined) yield await before.bytes();
    }
    if (latest !== undefined) yield await latest.bytes();
  } finally {
    // The source is closed next, and its descriptor could soon be another file's.
    await latest?.settled();
  }
}

/** Chunks that are laid out. Three take turns. */
function* layOut(
  items: Iterable<PackedItem | PackedRun>,
  source: SourceTree,
  checks: ContentChecks,
): Generator<PackedChunk, void, undefined> {
  const layout = new Layout(source, checks);
  for (const item of items) yield* 'files' in item ? layout.putFiles(item) : layout.put(item);
  yield* layout.finish();
}

class Layout {
  readonly #source: SourceTree;
  readonly #chunks: readonly [PackedChunk, PackedChunk, PackedChunk];
  #turn = 0;

  constructor(source: SourceTree, checks: ContentChecks) {
    this.#source = source;
    this.#chunks = [new PackedChunk(source, checks), new PackedChunk(source, checks), new PackedChunk(source, checks)];
  }

  *put(item: PackedItem): Generator<PackedChunk, void, undefined> {
    if (this.#chunk.put(item)) return;
    yield* this.#next();
    if (!this.#chunk.put(item)) yield* this.#large(item);
  }

  *putFiles(run: PackedRun): Generator<PackedChunk, void, undefined> {
    for (let index = 0; index < run.files.names.length; index += 1) {
      index = this.#chunk.putFiles(run, index);
      if (index < run.files.names.length) yield* this.put(itemOf(run, index));
    }
  }

  *finish(): Generator<PackedChunk, void, undefined> {
    yield* this.#bytes(endOfArchive);
    yield this.#chunk;
  }

  get #chunk(): PackedChunk {
    return this.#chunks[this.#turn] ?? this.#chunks[0];
  }

  *#next(): Generator<PackedChunk, void, undefined> {
    yield this.#chunk;
    this.#turn = (this.#turn + 1) % this.#chunks.length;
    this.#chunk.clear();
  }

  /** An entry of more than one chunk: the time that calls take does not count here. */
  *#large({ header, file }: PackedItem): Generator<PackedChunk, void, undefined> {
    yield* this.#bytes(encodeTarHeader(header));
    if (file !== undefined) {
      yield* this.#content(file, header.size);
      yield* this.#bytes(Buffer.alloc(paddingOf(header.size)));
    }
  }

  *#content(file: PackedFile, size: number): Generator<PackedChunk, void, undefined> {
    const fd = this.#source.openFile(file.from);
    try {
      for (let left = size; left > 0; ) {
        const length = this.#chunk.appendFrom(fd, file, left);
        if (length === 0) throw sourceChanged(file.from);
        left -= length;
        yield* this.#whenFull();
      }
    } finally {
      close(fd);
    }
  }

  *#bytes(bytes: Readonly<Uint8Array>): Generator<PackedChunk, void, undefined> {
    for (let at = 0; at < bytes.length; ) {
      at += this.#chunk.append(bytes.subarray(at));
      yield* this.#whenFull();
    }
  }

  *#whenFull(): Generator<PackedChunk, void, undefined> {
    if (this.#chunk.isFull) yield* this.#next();
  }
}
