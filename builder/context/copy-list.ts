import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { encodeCopyList } from '../../executor/protocol/copy-list.ts';

/** Writes the list that the worker copies by. The file is new. */
export async function writeCopyList(file: string, entries: Iterable<CopyEntry>): Promise<void> {
  await pipeline(Readable.from(inPieces(encodeCopyList(entries))), createWriteStream(file, { flags: 'wx', mode: 0o600 }));
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
