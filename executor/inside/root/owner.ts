import { AT } from '../../../native/constants.ts';
import { fchownat } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { Refusal } from '../request/failure.ts';

/** A user and a group, by number. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Changes the owner of a name in a folder (or, with '', of the open file `dirfd` itself); a final link is not followed. Refuses with
 * `no-mapped-id` when the worker's id map lacks one of the numbers, which the kernel tells as EINVAL (user_namespaces(7)).
 */
export function changeOwner(dirfd: number, name: string | Uint8Array, owner: Owner): void {
  try {
    fchownat(dirfd, name, owner.uid, owner.gid, AT.SYMLINK_NOFOLLOW | (name.length === 0 ? AT.EMPTY_PATH : 0));
  } catch (error) {
    throw isSyscallError(error, 'EINVAL') ? noMappedId(owner) : error;
  }
}

/** What is said when a file or a process should belong to an id that the user has not been given. Main knows the cure. */
export function noMappedId({ uid, gid }: Owner): Refusal {
  return new Refusal('no-mapped-id', `Cannot use the ids ${uid}:${gid}: they are not mapped into the build`);
}
