import { AT, AT_FDCWD, O_DIRECTORY, O_PATH, S_IFDIR, S_IFMT } from '../../../native/constants.ts';
import { close, type FileStatus, fchmodat, fchownat, mkdirat, openat, unlinkat } from '../../../native/files.ts';
import { setXattr } from '../../../native/xattrs.ts';
import { constantTimeSeconds } from '../../../registry/oci/layer/constant-time.ts';
import { bytesOfPath, prefixesOf, type RawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import { wholeSeconds } from '../files/file-times.ts';
import type { FolderTimes } from '../files/folder-times.ts';
import { isWhiteout, opaqueXattr } from '../layer/whiteouts.ts';
import { Refusal } from '../request/failure.ts';
import { openFolderIfExists } from '../root/open-folder.ts';
import { makeDirectories, openParentInRoot, statInRoot } from '../root/resolve-in-root.ts';

interface ImpliedTarget {
  readonly rootFd: number;
  readonly lowers: readonly string[];
}

/** Opens the folders of a layer that entries are put into, and makes those that the archive has no entry for. */
export class ImpliedFolders {
  readonly #target: ImpliedTarget;
  readonly #times: FolderTimes;

  constructor(target: ImpliedTarget, times: FolderTimes) {
    this.#target = target;
    this.#times = times;
  }

  /** The caller closes the descriptor, which is of the kind O_PATH. */
  open(path: RawPath): number {
    const { rootFd } = this.#target;
    return openFolderIfExists(rootFd, path) ?? this.#make(path);
  }

  #make(path: RawPath): number {
    const { rootFd } = this.#target;
    this.#uncover(path);
    makeDirectories(rootFd, bytesOfPath(path), { mode: 0o755, uid: 0, gid: 0, onMade: (made) => this.#imitate(made) });
    const fd = openFolderIfExists(rootFd, path);
    if (fd === undefined) {
      throw new Refusal('archive-invalid', `Cannot unpack into "${textOfPath(path)}": an earlier entry is not a folder`);
    }
    return fd;
  }

  /** A folder that the same layer deletes first is a new one: nothing from below may show in it. */
  #uncover(path: RawPath): void {
    const { rootFd } = this.#target;
    for (const prefix of prefixesOf(path)) {
      const folder = bytesOfPath(prefix);
      const status = statInRoot(rootFd, folder, { follow: false });
      if (status === undefined) return;
      if (isWhiteout(status)) {
        replaceWhiteout(rootFd, folder);
        this.#times.set(prefix, constantTimeSeconds);
      }
    }
  }

  /** Gives a folder what the topmost layer below says of it: owner, mode and time. */
  #imitate(path: RawPath): void {
    const status = statusBelow(this.#target.lowers, path);
    this.#times.set(path, status === undefined ? constantTimeSeconds : wholeSeconds(status.mtimeNs));
    if (status !== undefined) {
      const { fd, name } = openParentInRoot(this.#target.rootFd, bytesOfPath(path));
      try {
        fchownat(fd, name, status.uid, status.gid, AT.SYMLINK_NOFOLLOW);
        fchmodat(fd, name, status.mode & 0o7777);
      } finally {
        close(fd);
      }
    }
  }
}

function replaceWhiteout(rootFd: number, folder: Uint8Array): void {
  const { fd, name } = openParentInRoot(rootFd, folder);
  try {
    unlinkat(fd, name);
    makeOpaqueFolder(fd, name);
  } finally {
    close(fd);
  }
}

/** Makes a folder that hides what the layers below have under its name. */
export function makeOpaqueFolder(fd: number, name: Uint8Array): void {
  mkdirat(fd, name, 0o755);
  setXattr(Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]), opaqueXattr, Buffer.from('y'));
}

function statusBelow(lowers: readonly string[], path: RawPath): FileStatus | undefined {
  for (const lower of lowers.toReversed()) {
    const rootFd = openat(AT_FDCWD, lower, O_PATH | O_DIRECTORY);
    try {
      const status = statInRoot(rootFd, bytesOfPath(path));
      if (status !== undefined) return (status.mode & S_IFMT) === S_IFDIR ? status : undefined;
    } finally {
      close(rootFd);
    }
  }
  return undefined;
}
