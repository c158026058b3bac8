import { setImmediate as nextTurn } from 'node:timers/promises';
import { AT, DT, O_DIRECTORY, O_RDONLY, RESOLVE, S_IFDIR, S_IFMT } from '../../../../native/constants.ts';
import { close, fstatat, openat2, readDirectory } from '../../../../native/files.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import { Refusal } from '../../request/failure.ts';
import { changeOwner, type Owner } from '../../root/owner.ts';

export interface OwnerChange {
  readonly owner: Owner;
  /** How the tree is called in messages. */
  readonly shown: string;
  readonly signal: AbortSignal;
}

/**
 * Makes a user the owner of a file, or of a folder with all that is in it. Links are given themselves, never followed, and what is mounted
 * in the folder stays as it is. Refuses with `no-mapped-id` what belongs to an id that the worker does not have: the files before it have been
 * given by then. (capabilities(7), CAP_CHOWN)
 */
export async function giveTree(fd: number, giving: OwnerChange): Promise<void> {
  const { mode } = fstatat(fd, '', AT.EMPTY_PATH);
  give(fd, Buffer.alloc(0), giving);
  if ((mode & S_IFMT) !== S_IFDIR) return;
  const folders: Buffer[] = [Buffer.from('.')];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    giving.signal.throwIfAborted();
    folders.push(...giveContent(fd, folder, giving));
    await nextTurn();
  }
}

/** Gives what is in a folder; tells the folders among it. Each is opened from the top, so that the depth of a tree costs no descriptors. */
function giveContent(top: number, folder: Buffer, giving: OwnerChange): readonly Buffer[] {
  const fd = openFolder(top, folder);
  if (fd === undefined) return [];
  try {
    const folders: Buffer[] = [];
    for (const { name, type } of readDirectory(fd)) {
      if (type === DT.DIR || type === DT.UNKNOWN) {
        const child = openFolder(fd, name);
        if (child !== undefined) close(child);
        if (child === undefined && type === DT.DIR) continue;
        if (child !== undefined) folders.push(Buffer.concat([folder, Buffer.from('/'), name]));
      }
      give(fd, name, giving);
    }
    return folders;
  } finally {
    close(fd);
  }
}

/** undefined for what is no folder (any more), or another mount. */
function openFolder(dirfd: number, path: Uint8Array): number | undefined {
  try {
    const resolve = RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_XDEV;
    return openat2(dirfd, path, { flags: O_RDONLY | O_DIRECTORY, resolve });
  } catch (error) {
    if (isSyscallError(error, 'ENOTDIR', 'ELOOP', 'EXDEV', 'ENOENT')) return undefined;
    throw error;
  }
}

function give(dirfd: number, name: Uint8Array, { owner, shown }: OwnerChange): void {
  const { uid, gid } = fstatat(dirfd, name, AT.SYMLINK_NOFOLLOW | (name.length === 0 ? AT.EMPTY_PATH : 0));
  if (uid === owner.uid && gid === owner.gid) return;
  try {
    changeOwner(dirfd, name, owner);
  } catch (error) {
    const place = name.length === 0 ? '' : `, "${Buffer.from(name).toString()}" in it`;
    const what = `Cannot give the volume "${shown}" to ${owner.uid}:${owner.gid}${place}`;
    // In an overlay the file would have to be copied with its owner first. (EOVERFLOW)
    if (isSyscallError(error, 'EPERM', 'EOVERFLOW')) {
      throw new Refusal(
        'no-mapped-id',
        `${what}: it belongs to an id that is not mapped into the build`,
        'Only what belongs to you or to your subordinate ids can be given: leave U out, or change the owner as root before',
      );
    }
    throw isSyscallError(error, 'EROFS') ? new Refusal('mount-source', `${what}: its file system is read-only`) : error;
  }
}
