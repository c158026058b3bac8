import { closeSync, openSync } from 'node:fs';
import { type PlainStatus, StatusBatch } from '../../native/batch/statuses.ts';
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from '../../native/constants.ts';
import type { RawPath } from '../../registry/oci/raw-path.ts';

/** What names in a folder are. */
export interface FolderStatuses {
  /**
   * undefined stands for what was not or cannot be looked at: whoever asks does that again and learns why. A status counts until the next is asked
   * for, and all of them until another folder is looked at.
   */
  status(index: number): PlainStatus | undefined;
}

let batch: StatusBatch | undefined;

/**
 * Looks at names in a folder on this machine, hundreds with one call. Links are not followed.
 *
 * @throws the error of open(2) for a folder that is gone
 */
export function folderStatuses(folder: string | Buffer, names: readonly RawPath[]): FolderStatuses {
  const fd = openSync(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    const looked = (batch ??= new StatusBatch());
    looked.look(fd, names);
    return looked;
  } finally {
    closeSync(fd);
  }
}
