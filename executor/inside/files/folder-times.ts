import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from '../../../native/constants.ts';
import { close } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { type Pace } from '../../../registry/oci/pace.ts';
import { bytesOfPath, type RawPath } from '../../../registry/oci/raw-path.ts';
import { openInRoot } from '../root/resolve-in-root.ts';
import { setTime } from './file-times.ts';

/** Remembers the times of folders until all is in them, since everything that is put into a folder changes its time. */
export class FolderTimes {
  readonly #times = new Map<RawPath, number>();

  /** The last time that is given counts. Seconds. */
  set(path: RawPath, mtime: number): void {
    this.#times.set(path, mtime);
  }

  has(path: RawPath): boolean {
    return this.#times.has(path);
  }

  /** Sets all times, with pauses. Folders that are gone, or that something else replaced, are left out. */
  async apply(rootFd: number, pace: Pace): Promise<void> {
    for (const [path, mtime] of this.#times) {
      if (pace.isDue()) await pace.turn();
      const fd = openFolder(rootFd, path);
      if (fd !== undefined) {
        try {
          setTime(fd, mtime);
        } finally {
          close(fd);
        }
      }
    }
  }
}

function openFolder(rootFd: number, path: RawPath): number | undefined {
  try {
    return openInRoot(rootFd, bytesOfPath(path), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}
