import { closeSync, openSync } from 'node:fs';
import { type PlainStatus, StatusBatch } from '../../native/batch/statuses.ts';
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from '../../native/constants.ts';
import type { RawPath } from '../../registry/oci/raw-path.ts';

let batch: StatusBatch | undefined;

/**
 * Looks at names in a folder on this machine, hundreds with one call. Links are not followed. undefined stands for what cannot be looked
 * at: whoever asks does that again and learns why.
 *
 * @throws the error of open(2) for a folder that is gone
 */
export function folderStatuses(folder: string | Buffer, names: readonly RawPath[]): readonly (PlainStatus | undefined)[] {
  const fd = openSync(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    batch ??= new StatusBatch();
    return batch.look(fd, names);
  } finally {
    closeSync(fd);
  }
}
