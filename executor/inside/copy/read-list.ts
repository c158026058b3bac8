import { decodeCopyEntry, type ListedEntry } from '../../protocol/copy-entry.ts';
import { readLines } from '../layer/index-file.ts';

/** The entries of a list that main has written, in their order. */
export function* readList(path: string): Generator<ListedEntry, void, undefined> {
  for (const line of readLines(path)) {
    yield decodeCopyEntry(line);
  }
}
