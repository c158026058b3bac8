import { AT, S_IFDIR, S_IFMT } from '../../../native/constants.ts';
import { fstatat, linkat, readDirectory } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { bytesOfPath, joinPath, pathOfBytes, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';
import type { NameInFolder } from '../files/new-file.ts';
import { copyLeaf, copyOpenAttributes } from './copy-leaf.ts';
import { makeFolderIn, openFolderIn, withFolders } from './folders.ts';
import type { Origins } from './origins.ts';
import type { TreeTask } from './tree-task.ts';

/**
 * Copies all that is in a folder into an empty one, and remembers what is a copy of what. Files with several names keep them. Nobody else may
 * know the copy yet; both are open.
 */
export function* cloneRoot(from: number, to: number, origins: Origins): TreeTask {
  yield* cloneFolder({ from, to, path: rawPath('') }, { root: to, origins });
}

interface FolderPair {
  readonly from: number;
  readonly to: number;
  readonly path: RawPath;
}

interface CloneState {
  /** The top of the copy. */
  readonly root: number;
  readonly origins: Origins;
}

function* cloneFolder({ from, to, path }: FolderPair, cloning: CloneState): TreeTask {
  for (const { name } of readDirectory(from)) {
    yield;
    yield* cloneEntry({ fd: from, name }, { fd: to, name }, { path: joinPath(path, pathOfBytes(name)), cloning });
  }
  copyOpenAttributes(from, to);
}

interface EntryPlace {
  readonly path: RawPath;
  readonly cloning: CloneState;
}

function* cloneEntry(from: NameInFolder, to: NameInFolder, { path, cloning }: EntryPlace): TreeTask {
  const { mode, ino } = fstatat(from.fd, from.name, AT.SYMLINK_NOFOLLOW);
  if ((mode & S_IFMT) !== S_IFDIR) {
    yield* cloneLeaf(from, to, { path, ino, cloning });
    return;
  }
  const [source, target] = [openFolderIn(from), makeFolderIn(to)];
  yield* withFolders([source, target], function* () {
    cloning.origins.add(fstatat(target, '', AT.EMPTY_PATH).ino, ino, path);
    yield cloneFolder({ from: source, to: target, path }, cloning);
  });
}

interface LeafPlace extends EntryPlace {
  readonly ino: bigint;
}

function* cloneLeaf(from: NameInFolder, to: NameInFolder, { path, ino, cloning }: LeafPlace): TreeTask {
  const { root, origins } = cloning;
  const known = origins.copyOf(ino);
  if (known !== undefined && linkTo({ fd: root, name: bytesOfPath(known.path) }, to)) {
    known.names += 1;
    return;
  }
  yield* copyLeaf(from, to);
  origins.add(fstatat(to.fd, to.name, AT.SYMLINK_NOFOLLOW).ino, ino, path);
}

/** False where the file has all the names it can have, or its path has become too long. */
export function linkTo(file: NameInFolder, to: NameInFolder): boolean {
  try {
    linkat(file.fd, file.name, to.fd, to.name);
    return true;
  } catch (error) {
    if (isSyscallError(error, 'EMLINK', 'ENAMETOOLONG', 'EXDEV', 'EPERM', 'EOPNOTSUPP')) return false;
    throw error;
  }
}
