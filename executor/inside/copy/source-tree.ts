import { fstatSync } from 'node:fs';
import { type BatchSize, FileBatch } from '../../../native/batch/file-batch.ts';
import { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDONLY, RESOLVE } from '../../../native/constants.ts';
import { close, openat, openat2 } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { bytesOfPath, type RawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import type { TreeSource } from '../../protocol/actions.ts';
import { decodeIdentity, type EncodedIdentity, type ListedEntry } from '../../protocol/copy-entry.ts';
import { FolderCache, splitPath } from '../files/folder-cache.ts';
import { mountRootfs, type RootfsContext } from '../overlay/rootfs.ts';
import { Refusal } from '../request/failure.ts';
import { openRoot } from '../root/resolve-in-root.ts';

/** The list already followed all links, so that meeting one means that the tree was changed. */
const noLinks = RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS;

/** A file that is copied, as its list says. */
export type CopyFile = Extract<ListedEntry, { readonly type: 'file' }>;

/** A tree that files are taken from, until it is disposed. */
export class SourceTree implements Disposable {
  readonly #mounted: Disposable | undefined;
  readonly #rootFd: number;
  readonly #folders: FolderCache;

  constructor(source: TreeSource, context: RootfsContext) {
    const { path, mounted } = placeOf(source, context);
    const rootFd = openRoot(path);
    this.#mounted = mounted;
    this.#rootFd = rootFd;
    this.#folders = new FolderCache(rootFd, (folder) => openSourceFolder(rootFd, folder));
  }

  /** Opens a file for reading. */
  open(path: RawPath): number {
    const { parent, name } = splitPath(path);
    try {
      return openat(this.#folders.get(parent).fd, bytesOfPath(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch (error) {
      throw isSyscallError(error, 'ENOENT', 'ENOTDIR', 'ELOOP') ? sourceChanged(path) : error;
    }
  }

  /** As open(), and refuses what is no longer a file. */
  openFile(path: RawPath): number {
    const fd = this.open(path);
    if (!fstatSync(fd).isFile()) {
      close(fd);
      throw sourceChanged(path);
    }
    return fd;
  }

  /** For reading many files by their whole paths. The tree must not be disposed while a batch is read. */
  batch(size: BatchSize): FileBatch {
    return new FileBatch(this.#rootFd, { flags: O_RDONLY | O_NONBLOCK, resolve: noLinks }, size);
  }

  [Symbol.dispose](): void {
    this.#folders.forget();
    close(this.#rootFd);
    this.#mounted?.[Symbol.dispose]();
  }
}

function placeOf(
  source: TreeSource,
  context: RootfsContext,
): { readonly path: string; readonly mounted: Disposable | undefined } {
  if (source.kind === 'directory') {
    return { path: source.path, mounted: undefined };
  }
  const mounted = mountRootfs({ lowers: source.lowers, context });
  return { path: mounted.path, mounted };
}

function openSourceFolder(rootFd: number, path: RawPath): number {
  return openat2(rootFd, path === '' ? '.' : bytesOfPath(path), {
    flags: O_PATH | O_DIRECTORY,
    resolve: noLinks,
  });
}

/** True when an open file is still what it was when it was hashed. */
export function hasIdentity(fd: number, encoded: EncodedIdentity): boolean {
  const identity = decodeIdentity(encoded);
  const status = fstatSync(fd, { bigint: true });
  return (
    status.isFile() &&
    status.size === identity.size &&
    status.ino === identity.ino &&
    status.mtimeNs === identity.mtimeNs &&
    status.ctimeNs === identity.ctimeNs
  );
}

/** What is said when a file is no longer what the step's key was made of. */
export function sourceChanged(path: RawPath): Refusal {
  return new Refusal(
    'source-changed',
    `Cannot copy "${textOfPath(path)}": it changed while the build was running`,
    'Build again when nothing writes to the context, or exclude the file with .dockerignore',
  );
}
