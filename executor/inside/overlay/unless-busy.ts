import { AT_FDCWD, MOUNT_ATTR } from '../../../native/constants.ts';
import { mountSetattr } from '../../../native/mounts.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';

/** Ends writing by a call that the kernel refuses while a file is open for writing; false then. (EBUSY in mount(2) and mount_setattr(2)) */
export function unlessBusy(endWriting: () => void): boolean {
  try {
    endWriting();
    return true;
  } catch (error) {
    if (isSyscallError(error, 'EBUSY')) return false;
    throw error;
  }
}

/** Ends writing in the mount at `target` alone: other mounts of the same files stay as they are. False while a file is open for writing. */
export function sealMount(target: string): boolean {
  return unlessBusy(() => mountSetattr(AT_FDCWD, target, 0, { set: MOUNT_ATTR.RDONLY }));
}
