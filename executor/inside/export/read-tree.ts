import { AT, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from '../../../native/constants.ts';
import { close, type FileStatus, fstatatIfExists, openat, readDirectory, readlinkat } from '../../../native/files.ts';
import { fgetXattr } from '../../../native/xattrs.ts';
import { bytesOfPath, joinPath, pathOfBytes, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';
import { noXattrs, type TarEntryType, type TarHeader, tarHeader } from '../../../registry/oci/tar/header.ts';
import { capabilityXattr, portableCapability } from '../files/capability.ts';
import { wholeSeconds } from '../files/file-times.ts';
import { fileTypeOf } from '../files/file-type.ts';

/** A file of a tree, open if it is a regular one, until the next is asked for. */
export interface TreeFile {
  readonly header: TarHeader;
  readonly fd: number | undefined;
  /** Stands for as many bytes at the beginning of the file. */
  readonly head?: Uint8Array | undefined;
}

/**
 * All files of a tree, folders before what is in them, names sorted by bytes. The root itself and sockets are left out. Of several
 * names of one file the first is the file, the others are hard links to it.
 */
export function* readTree(rootFd: number): Generator<TreeFile, void, undefined> {
  yield* readFolder({ fd: rootFd, path: rawPath('') }, new Map());
}

interface Folder {
  readonly fd: number;
  readonly path: RawPath;
}

function* readFolder(folder: Folder, firstNames: Map<string, RawPath>): Generator<TreeFile, void, undefined> {
  const names = readDirectory(folder.fd).map(({ name }) => pathOfBytes(name));
  for (const name of names.toSorted()) {
    const bytes = bytesOfPath(name);
    const path = joinPath(folder.path, name);
    // A whiteout where nothing is below is listed by overlayfs, and is not there.
    const status = fstatatIfExists(folder.fd, bytes, AT.SYMLINK_NOFOLLOW);
    const type = status && fileTypeOf(status);
    if (status !== undefined && type !== undefined) {
      const fd = open(folder.fd, bytes, type);
      try {
        yield { header: linked(status, firstNames, headerOf({ folder: folder.fd, name: bytes, path, status, type, fd })), fd };
        if (type === 'directory' && fd !== undefined) {
          yield* readFolder({ fd, path }, firstNames);
        }
      } finally {
        if (fd !== undefined) close(fd);
      }
    }
  }
}

function open(folder: number, name: Uint8Array, type: TarEntryType): number | undefined {
  if (type === 'directory') return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  return type === 'file' ? openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) : undefined;
}

interface OpenedFile {
  readonly folder: number;
  readonly name: Uint8Array;
  readonly path: RawPath;
  readonly status: FileStatus;
  readonly type: TarEntryType;
  readonly fd: number | undefined;
}

function headerOf({ folder, name, path, status, type, fd }: OpenedFile): TarHeader {
  const capability = type === 'file' && fd !== undefined ? fgetXattr(fd, capabilityXattr) : undefined;
  return tarHeader({
    path,
    type,
    mode: status.mode & 0o7777,
    uid: status.uid,
    gid: status.gid,
    mtime: wholeSeconds(status.mtimeNs),
    size: type === 'file' ? status.size : 0,
    major: status.rdevMajor,
    minor: status.rdevMinor,
    xattrs: capability === undefined ? noXattrs : new Map([[capabilityXattr, portableCapability(capability)]]),
    ...(type === 'symlink' ? { target: pathOfBytes(readlinkat(folder, name)) } : {}),
  });
}

/** Merged trees show files of several file systems, so the inode alone says nothing. */
function linked(status: FileStatus, firstNames: Map<string, RawPath>, header: TarHeader): TarHeader {
  if (status.nlink < 2 || header.type === 'directory') return header;
  const key = `${status.dev}:${status.ino}`;
  const first = firstNames.get(key);
  if (first === undefined) {
    firstNames.set(key, header.path);
    return header;
  }
  return { ...header, type: 'hardlink', target: first, size: 0 };
}
