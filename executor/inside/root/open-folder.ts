import { O_DIRECTORY, O_PATH } from '../../../native/constants.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { bytesOfPath, type RawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import { Refusal } from '../request/failure.ts';
import { openInRoot } from './resolve-in-root.ts';

/**
 * Opens a folder that an archive puts something into, links followed inside the root; undefined when it does not exist, or something
 * else has its name. The caller closes the descriptor, which is of the kind O_PATH.
 */
export function openFolderIfExists(rootFd: number, path: RawPath): number | undefined {
  try {
    return openInRoot(rootFd, bytesOfPath(path), O_PATH | O_DIRECTORY);
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    if (isSyscallError(error, 'ELOOP')) {
      throw new Refusal('archive-invalid', `Cannot unpack into "/${textOfPath(path)}": too many symbolic links`);
    }
    throw error;
  }
}
