import { closeSync, openSync, readSync } from 'node:fs';
import type { LayerEntry } from '../../../registry/oci/layer/layer-entry.ts';
import { entriesOf, type LayerRun } from '../../../registry/oci/layer/layer-run.ts';
import type { ListPart } from '../../protocol/actions.ts';
import { openOwnFile } from '../files/own-file.ts';
import { writeFully } from '../files/write-fully.ts';

const bufferedCharacters = 1 << 18;

/** Writes a layer's index: an entry or a run of files a line, as JSON. Nothing but what is added decides its bytes. */
export class IndexWriter implements Disposable {
  readonly #fd: number;
  #lines = '';
  #isOpen = true;
  entries = 0;

  /** `path` must not exist. */
  constructor(path: string) {
    this.#fd = openSync(path, 'wx', 0o644);
  }

  add(entry: LayerEntry): void {
    this.#put(`${JSON.stringify(entry)}\n`, 1);
  }

  addRun(run: LayerRun): void {
    this.#put(`${JSON.stringify(run)}\n`, run.names.length);
  }

  /** Writes what is left. Without it the index is incomplete. */
  finish(): void {
    this.#flush();
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) {
      this.#isOpen = false;
      closeSync(this.#fd);
    }
  }

  #put(lines: string, count: number): void {
    this.#lines += lines;
    this.entries += count;
    if (this.#lines.length > bufferedCharacters) this.#flush();
  }

  #flush(): void {
    const bytes = Buffer.from(this.#lines);
    this.#lines = '';
    writeFully(this.#fd, bytes);
  }
}

/** The lines of a file that holds one JSON value a line, or of a part of it, read piece by piece. */
export function* readLines(path: string, part: ListPart = wholeFile): Generator<string, void, undefined> {
  const fd = openOwnFile(path);
  try {
    const buffer = Buffer.allocUnsafe(Math.min(1 << 18, part.end - part.start));
    let position = part.start;
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const length = readSync(fd, buffer, 0, Math.min(buffer.length, part.end - position), position);
      if (length === 0) break;
      position += length;
      const bytes = Buffer.concat([rest, buffer.subarray(0, length)]);
      const end = bytes.lastIndexOf(0x0a) + 1;
      rest = Buffer.from(bytes.subarray(end));
      if (end > 0) yield* bytes.toString('utf8', 0, end - 1).split('\n');
    }
    if (rest.length > 0) yield rest.toString('utf8');
  } finally {
    closeSync(fd);
  }
}

const wholeFile: ListPart = { start: 0, end: Number.POSITIVE_INFINITY };

/** The entries of a layer's index, in the order of its tar. */
export function* readIndex(path: string): Generator<LayerEntry, void, undefined> {
  for (const line of readLines(path)) {
    const item: LayerEntry | LayerRun = JSON.parse(line);
    yield* entriesOf(item);
  }
}
