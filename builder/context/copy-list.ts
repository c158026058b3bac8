import { appendFileSync, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ListPart } from '../../executor/protocol/actions.ts';
import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { encodeCopyList } from '../../executor/protocol/copy-list.ts';

/** Writes the list that the worker copies by. The file is new. */
export async function writeCopyList(file: string, entries: Iterable<CopyEntry>): Promise<void> {
  await writeLists(file, [entries]);
}

/** Where lists were written: each is a part of the file. */
export interface WrittenLists {
  readonly file: string;
  readonly parts: readonly ListPart[];
}

type Lists = readonly (Iterable<CopyEntry> & { readonly length: number })[];

/**
 * The lists of a build. Those of a step are behind each other: a file for each source would take most of the time of a COPY of many. Short ones of all
 * steps share a file: to make one, and to remove it, takes longer than to write some lines.
 */
export class CopyLists {
  readonly #newPath: () => Promise<string>;
  #shared: Promise<string> | undefined;
  #isThere = false;
  #sharedBytes = 0;

  /** `newPath` gives paths of new files, which go with the build. */
  constructor(newPath: () => Promise<string>) {
    this.#newPath = newPath;
  }

  async write(lists: Lists, signal?: AbortSignal): Promise<WrittenLists> {
    const count = lists.reduce((sum, { length }) => sum + length, 0);
    if (count > fewEntries) return writeLists(await this.#newPath(), lists, signal);
    this.#shared ??= this.#newPath();
    const file = await this.#shared;
    const parts: ListPart[] = [];
    const lines = [...linesOf(lists, { parts, signal })].map((line) => `${line}\n`).join('');
    const start = this.#sharedBytes;
    // At once, so that steps beside this one write behind it.
    appendFileSync(file, lines, { mode: 0o600, flag: this.#isThere ? 'a' : 'wx' });
    this.#isThere = true;
    this.#sharedBytes += Buffer.byteLength(lines);
    return { file, parts: parts.map((part) => ({ start: start + part.start, end: start + part.end })) };
  }
}

const fewEntries = 64;

async function writeLists(file: string, lists: Iterable<Iterable<CopyEntry>>, signal?: AbortSignal): Promise<WrittenLists> {
  const parts: ListPart[] = [];
  await pipeline(
    Readable.from(inPieces(linesOf(lists, { parts, signal }))),
    createWriteStream(file, { flags: 'wx', mode: 0o600 }),
  );
  return { file, parts };
}

interface Written {
  readonly parts: ListPart[];
  readonly signal: AbortSignal | undefined;
}

function* linesOf(lists: Iterable<Iterable<CopyEntry>>, { parts, signal }: Written): Generator<string, void, undefined> {
  let start = 0;
  for (const entries of lists) {
    signal?.throwIfAborted();
    let end = start;
    for (const line of encodeCopyList(entries)) {
      end += Buffer.byteLength(line) + 1;
      yield line;
    }
    parts.push({ start, end });
    start = end;
  }
}

const pieceLength = 1 << 17;

/** Lines in pieces of some size: a write for each would take most of the time. */
function* inPieces(lines: Iterable<string>): Generator<string, void, undefined> {
  let piece = '';
  for (const line of lines) {
    piece += `${line}\n`;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
