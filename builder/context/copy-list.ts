import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CopyEntry, encodeCopyEntry } from '../../executor/protocol/copy-entry.ts';

/** Writes the list that the worker copies by: one entry a line, as JSON. The file is new. */
export async function writeCopyList(file: string, entries: Iterable<CopyEntry>): Promise<void> {
  await pipeline(Readable.from(chunksOf(entries)), createWriteStream(file, { flags: 'wx', mode: 0o600 }));
}

/** Lines in pieces of some size: a write for each entry would take most of the time. */
function* chunksOf(entries: Iterable<CopyEntry>): Generator<string> {
  let lines: string[] = [];
  for (const entry of entries) {
    lines.push(encodeCopyEntry(entry));
    if (lines.length < 1000) continue;
    yield `${lines.join('\n')}\n`;
    lines = [];
  }
  if (lines.length > 0) yield `${lines.join('\n')}\n`;
}
