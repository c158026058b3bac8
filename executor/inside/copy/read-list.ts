import type { CopyGroup } from '../../protocol/actions.ts';
import type { ListedEntry } from '../../protocol/copy-entry.ts';
import { decodeListItem, type ListItem, listedFiles } from '../../protocol/copy-list.ts';
import { readLines } from '../layer/index-file.ts';

/** Where the lines of a group are. */
type ListedGroup = Pick<CopyGroup, 'list' | 'part'>;

/** What a list that main has written says, in its order. */
export function* readList({ list, part }: ListedGroup): Generator<ListItem, void, undefined> {
  for (const line of readLines(list, part)) yield decodeListItem(line);
}

/** The same, with an entry for each file. */
export function* readEntries(group: ListedGroup): Generator<ListedEntry, void, undefined> {
  for (const item of readList(group)) {
    if (item.type === 'files') {
      yield* listedFiles(item);
    } else {
      yield item;
    }
  }
}
