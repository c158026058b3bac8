import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ListPart } from '../../executor/protocol/actions.ts';
import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { encodeCopyList } from '../../executor/protocol/copy-list.ts';

/** Writes the list that the worker copies by. The file is new. */
export async function writeCopyList(file: string, entries: Iterable<CopyEntry>): Promise<void> {
  await writeCopyLists(file, [entries]);
}

/** Writes lists behind each other, and says where each is: a file for each would take most of the time of a COPY of many sources. */
export async function writeCopyLists(
  file: string,
  lists: Iterable<Iterable<CopyEntry>>,
  signal?: AbortSignal,
): Promise<readonly ListPart[]> {
  const parts: ListPart[] = [];
  await pipeline(
    Readable.from(inPieces(linesOf(lists, { parts, signal }))),
    createWriteStream(file, { flags: 'wx', mode: 0o600 }),
  );
  return parts;
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
