import { Pace } from '../../../registry/oci/pace.ts';
import { textOfPath } from '../../../registry/oci/raw-path.ts';
import type { CopyAction } from '../../protocol/actions.ts';
import { readIndex } from '../layer/index-file.ts';
import { Refusal } from '../request/failure.ts';
import { readEntries } from './read-list.ts';

/**
 * Refuses a layer that a COPY made of files of the store when it has content that is in none of the lists: then a file is not the one any
 * more that was unpacked or made, and that the key of the step tells of. Files of contexts are looked at before and after.
 */
export async function checkCopied({ groups }: CopyAction, index: string, signal: AbortSignal): Promise<void> {
  const isFromStore = groups.some(({ source }) => source.kind === 'rootfs');
  // What is in an archive is in no list.
  if (!isFromStore || groups.some(({ isArchive }) => isArchive)) return;
  const wanted = new Set<string>();
  const pace = new Pace(signal);
  for (const group of groups) {
    for (const entry of readEntries(group)) {
      if (entry.type === 'file') wanted.add(entry.digest);
      if (pace.isDue()) await pace.turn();
    }
  }
  for (const entry of readIndex(index)) {
    if (pace.isDue()) await pace.turn();
    if (entry.type !== 'file' || wanted.has(entry.digest)) continue;
    throw new Refusal(
      'source-changed',
      `Cannot copy "/${textOfPath(entry.path)}": its source in the store is another file than before`,
    );
  }
}
