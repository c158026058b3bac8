import path from 'node:path';
import { AT, AT_FDCWD, MOUNT_ATTR, O_PATH, S_IFDIR, S_IFMT } from '../../../../native/constants.ts';
import { close, fstatat } from '../../../../native/files.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import { textOfPath } from '../../../../registry/oci/raw-path.ts';
import type { TreeSource } from '../../../protocol/actions.ts';
import { Refusal } from '../../request/failure.ts';
import { locateInRoot, openInRoot, openRoot } from '../../root/resolve-in-root.ts';
import { cloneMount, harmless, type PreparedMount, type Workspace } from './workspace.ts';

/** A part of a tree that a command gets. */
interface BoundPart {
  readonly target: string;
  readonly source: TreeSource;
  /** In the source; '' or '/' is all of it. */
  readonly path: string;
  readonly isWritable: boolean;
}

/** A bind of a context or of another root file system. What is written to a writable one is thrown away. */
export function prepareBind({ source, target, path: inside, isWritable }: BoundPart, workspace: Workspace): PreparedMount {
  const readOnly = isWritable ? 0 : MOUNT_ATTR.RDONLY;
  if (source.kind === 'rootfs') {
    const tree = isWritable ? workspace.writableTree(source.lowers) : workspace.tree(source.lowers);
    return prepareFrom(tree, inside, { target, attributes: readOnly });
  }
  const tree = contextTree(source.path, isWritable, workspace);
  return prepareFrom(tree, inside, { target, attributes: harmless | readOnly });
}

/**
 * A context through an overlay, read-only ones too. Sockets and pipes of the machine, which may appear in the folder while the command runs, lead
 * nowhere through it, since its inodes are others. The empty folder on top gives its root the owner, mode and time that BuildKit's has.
 */
function contextTree(folder: string, isWritable: boolean, workspace: Workspace): string {
  const lowers = [folder, workspace.emptyFolder()];
  if (isWritable) return workspace.writableTree(lowers);
  try {
    return workspace.tree(lowers);
  } catch (error) {
    // Some file systems cannot be below an overlay: those without upper case, for one. (ovl_dentry_weird() in fs/overlayfs)
    if (isSyscallError(error, 'EINVAL')) return folder;
    throw error;
  }
}

/** A bind of a path inside a folder; links in it stay inside the folder. Refuses with `mount-source`. */
export function prepareFrom(
  root: string,
  inside: string,
  { target, attributes }: { readonly target: string; readonly attributes: number },
): PreparedMount {
  return withSource(root, inside, (fd) => ({
    target,
    fd: cloneMount(fd, '', attributes),
    isDirectory: isDirectory(fd),
  }));
}

/** A bind of a path on the host that the person who builds has named, links followed. Refuses with `mount-source`. */
export function prepareHostPath(source: string, target: string, attributes: number): PreparedMount {
  try {
    const fd = cloneMount(AT_FDCWD, source, attributes);
    return { target, fd, isDirectory: isDirectory(fd) };
  } catch (error) {
    throw isSyscallError(error, 'ENOENT', 'ENOTDIR', 'EACCES') ? missingSource(source, error.code) : error;
  }
}

/** Runs `body` with a path of a folder opened. */
function withSource<T>(root: string, inside: string, body: (fd: number) => T): T {
  const rootFd = openRoot(root);
  try {
    const fd = openInRoot(rootFd, inside, O_PATH);
    try {
      return body(fd);
    } finally {
      close(fd);
    }
  } catch (error) {
    throw isSyscallError(error, 'ENOENT', 'ENOTDIR', 'ELOOP') ? missingSource(inside, error.code) : error;
  } finally {
    close(rootFd);
  }
}

/**
 * A path in a folder of the machine under an overlay that takes what is written. overlayfs stacks folders only, so for a file it is the folder
 * around it, of which the file is then taken. Refuses with `mount-source`.
 */
export function prepareScratch(
  { target, path: inside }: Pick<BoundPart, 'target' | 'path'>,
  root: string,
  workspace: Workspace,
): PreparedMount {
  const attributes = harmless;
  if (withSource(root, inside, isDirectory)) {
    const tree = withSource(root, inside, (fd) => workspace.writableTree([`/proc/self/fd/${fd}`]));
    return prepareFrom(tree, '', { target, attributes });
  }
  const real = `/${textOfPath(realPath(root, inside))}`;
  const tree = withSource(root, path.dirname(real), (fd) => workspace.writableTree([`/proc/self/fd/${fd}`]));
  return prepareFrom(tree, path.basename(real), { target, attributes });
}

function realPath(root: string, inside: string): ReturnType<typeof locateInRoot>['existing'] {
  const rootFd = openRoot(root);
  try {
    return locateInRoot(rootFd, inside).existing;
  } finally {
    close(rootFd);
  }
}

function isDirectory(fd: number): boolean {
  return (fstatat(fd, '', AT.EMPTY_PATH).mode & S_IFMT) === S_IFDIR;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ELOOP: 'its links lead in a circle',
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of the path is no folder',
};

/** What is said of a source that cannot be opened. */
export function missingSource(source: string, errno: string): Refusal {
  const why = reasons[errno] ?? `it cannot be opened (${errno})`;
  return new Refusal('mount-source', `Cannot mount "${source}": ${why}`);
}
