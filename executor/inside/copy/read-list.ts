import type { ListedEntry } from '../../protocol/copy-entry.ts';
import { decodeListItem, type ListItem, listedFiles } from '../../protocol/copy-list.ts';
import { readLines } from '../layer/index-file.ts';

/** What a list that main has written says, in its order. */
export function* readList(path: string): Generator<ListItem, void, undefined> {
  for (const line of readLines(path)) {
    yield decodeListItem(line);
  }
}

/** The same, with an entry for each file. */
export function* readEntries(path: string): Generator<ListedEntry, void, undefined> {
  for (const item of readList(path)) {
    if (item.type === 'files') {
      yield* listedFiles(item);
    } else {
      yield item;
    }
  }
}
