import { AT, DT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, RENAME, RESOLVE } from '../../../native/constants.ts';
import { close, openat2, readDirectory, renameat2, unlinkat } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { type Pace } from '../../../registry/oci/pace.ts';

/** Folders nested deeper than this are moved up before they are emptied, so that the depth of a tree costs no descriptors. */
const maximumDepth = 100;

/** Removes a name and, when it is a folder, all that is in it. A name that does not exist is fine. */
export async function removeTreeAt(dirfd: number, name: Uint8Array, pace: Pace): Promise<void> {
  for (const _ of removeInSteps(dirfd, name)) {
    if (pace.isDue()) await pace.turn();
  }
}

/** The same, step by step. Links are removed, never followed, and folders on other mounts are refused (EXDEV): nothing outside is touched. */
export function* removeInSteps(dirfd: number, name: Uint8Array): Generator<void, void, undefined> {
  if (removeLeaf(dirfd, name)) return;
  const fd = openFolder(dirfd, name);
  try {
    const top = { fd, moved: 0 };
    // What is nested too deep comes back up as a child of the top, and is met in the next round.
    do {
      top.moved = 0;
      yield* emptyFolder(top, { fd, depth: 0 });
    } while (top.moved > 0);
  } finally {
    close(fd);
  }
  unlinkat(dirfd, name, AT.REMOVEDIR);
}

interface Top {
  readonly fd: number;
  moved: number;
}

function* emptyFolder(
  top: Top,
  { fd, depth }: { readonly fd: number; readonly depth: number },
): Generator<void, void, undefined> {
  for (const { name, type } of readDirectory(fd)) {
    yield;
    if (type !== DT.DIR && removeLeaf(fd, name)) continue;
    if (depth === maximumDepth) {
      moveUp(top, { fd, name });
      continue;
    }
    const child = openFolder(fd, name);
    try {
      yield* emptyFolder(top, { fd: child, depth: depth + 1 });
    } finally {
      close(child);
    }
    unlinkat(fd, name, AT.REMOVEDIR);
  }
}

/** False for a folder. */
function removeLeaf(dirfd: number, name: Uint8Array): boolean {
  try {
    unlinkat(dirfd, name);
    return true;
  } catch (error) {
    if (isSyscallError(error, 'ENOENT')) return true;
    if (isSyscallError(error, 'EISDIR', 'EPERM')) return false;
    throw error;
  }
}

function openFolder(dirfd: number, name: Uint8Array): number {
  return openat2(dirfd, name, {
    flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
    resolve: RESOLVE.BENEATH | RESOLVE.NO_XDEV | RESOLVE.NO_SYMLINKS,
  });
}

function moveUp(top: Top, { fd, name }: { readonly fd: number; readonly name: Uint8Array }): void {
  for (let attempt = 0; ; attempt += 1) {
    try {
      renameat2(fd, name, top.fd, `.deep-${top.moved}-${attempt}`, RENAME.NOREPLACE);
      top.moved += 1;
      return;
    } catch (error) {
      if (!isSyscallError(error, 'EEXIST')) throw error;
    }
  }
}
