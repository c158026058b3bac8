import { hash } from 'node:crypto';
import { AT, S_IFDIR, S_IFMT } from '../../../native/constants.ts';
import { close, fstatatIfExists, linkat, mkdirat, unlinkat } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import type { Pace } from '../../../registry/oci/pace.ts';
import { bytesOfPath, joinPath, type RawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import type { TarHeader } from '../../../registry/oci/tar/header.ts';
import type { TarEntry } from '../../../registry/oci/tar/reader.ts';
import { unreachable } from '../../../registry/oci/unreachable.ts';
import { cleanPath, FolderCache, type OpenFolder, splitPath } from '../files/folder-cache.ts';
import type { FolderTimes } from '../files/folder-times.ts';
import {
  finishFile,
  type NewAttributes,
  openNewFile,
  placeSpecial,
  placeSymlink,
  setFolderAttributes,
  setSharedAttributes,
} from '../files/new-file.ts';
import { removeTreeAt } from '../files/remove-tree.ts';
import { writeFully } from '../files/write-fully.ts';
import { isWhiteout } from '../layer/whiteouts.ts';
import { Refusal } from '../request/failure.ts';
import { openParentInRoot } from '../root/resolve-in-root.ts';
import { makeOpaqueFolder } from './implied-folders.ts';
import { type WaitingFile, WaitingFiles } from './waiting-files.ts';
import { writeContent } from './write-content.ts';

/** Where one entry goes. */
export interface Spot {
  /** The folder it is put into. */
  readonly fd: number;
  readonly name: Buffer;
  /** Below the root, all links followed. */
  readonly path: RawPath;
}

/** What differs between layers and archives that are added. */
export interface PlacerOptions {
  readonly rootFd: number;
  readonly times: FolderTimes;
  /** Opens the folder of a cleaned path of the archive, and makes it if need be. */
  readonly openFolder: (path: RawPath) => number;
  /** Owner, mode and the rest that an entry gets at a place below the root. */
  readonly attributes: (header: TarHeader, path: RawPath) => NewAttributes;
  /** The tree is empty and nobody else puts anything into it, so that files may be made later than they come. */
  readonly isNew: boolean;
  readonly pace: Pace;
}

/** What became of an entry: the sha256 of a file's content, hex, or the place that a hard link shares its file with. */
export interface PlacedEntry {
  readonly digest: string;
  readonly target: RawPath;
}

/**
 * Puts the entries of archives into a tree. An entry over an existing name replaces it, but a folder over a folder only brings new
 * attributes. (image-spec, layer.md "Changeset over existing files"; Docker's archives behave the same)
 */
export class EntryPlacer implements AsyncDisposable {
  readonly #options: PlacerOptions;
  readonly #folders: FolderCache;
  readonly #missingDevices: RawPath[] = [];
  readonly #missingXattrs: RawPath[] = [];
  readonly #waiting: WaitingFiles | undefined;
  readonly #pace: Pace;

  constructor(options: PlacerOptions) {
    this.#options = options;
    this.#pace = options.pace;
    this.#folders = new FolderCache(options.rootFd, options.openFolder);
    this.#waiting = options.isNew ? new WaitingFiles(options.rootFd, (file) => this.#makeAlone(file)) : undefined;
  }

  /** The folder that a cleaned path of the archive stands for. */
  async folder(path: RawPath): Promise<OpenFolder> {
    if (!this.#folders.has(path) && this.#waiting?.isMet(path) === true) await this.settle();
    const folder = this.#folders.get(path);
    this.#waiting?.addOpened(folder.path);
    return folder;
  }

  /** Makes the files that wait. Whoever looks at the tree, or takes something away, does this first. */
  async settle(): Promise<void> {
    await this.#waiting?.settle();
  }

  /** Makes an entry whose folder is folder(parent of its cleaned path). */
  async place(entry: TarEntry, spot: Spot): Promise<PlacedEntry> {
    const { header } = entry;
    const { path } = spot;
    switch (header.type) {
      case 'file':
        return { digest: await this.#file(entry, spot), target: path };
      case 'directory':
        await this.#directory(header, spot);
        return { digest: '', target: path };
      case 'symlink':
        await this.#symlink(header, spot);
        return { digest: '', target: path };
      case 'hardlink':
        return { digest: '', target: await this.#hardLink(header, spot) };
      case 'fifo':
      case 'char':
      case 'block':
        await this.#special(header, { ...spot, type: header.type });
        return { digest: '', target: path };
      default:
        return unreachable(header.type);
    }
  }

  /** Sets what had to wait for the last entry, and tells what could not be made. `what` names the archive. */
  async finish(what: string, warn: (message: string) => void): Promise<void> {
    await this.settle();
    this.#folders.forget();
    await this.#options.times.apply(this.#options.rootFd, this.#pace);
    if (this.#missingDevices.length > 0) {
      warn(
        `${count(this.#missingDevices, 'device node')} of ${what} cannot be made by a user and left out: ${example(this.#missingDevices)}`,
      );
    }
    if (this.#missingXattrs.length > 0) {
      warn(
        `${count(this.#missingXattrs, 'file')} of ${what} lost extended attributes that the store cannot hold: ${example(this.#missingXattrs)}`,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#waiting?.rest();
    this.#folders.forget();
  }

  async #file(entry: TarEntry, spot: Spot): Promise<string> {
    const attributes = this.#options.attributes(entry.header, spot.path);
    const file = entry.bytes === undefined ? undefined : { path: spot.path, attributes, bytes: entry.bytes };
    if (file !== undefined && this.#waiting?.takes(file) === true) {
      await this.#waiting.add(file);
      return hash('sha256', file.bytes, 'hex');
    }
    await this.#meet(spot);
    const fd = await this.#newFile(spot);
    try {
      const digest = await writeContent(fd, entry, this.#pace);
      this.#note(finishFile(fd, attributes), spot.path);
      return digest;
    } finally {
      close(fd);
    }
  }

  async #newFile(spot: Spot): Promise<number> {
    try {
      return openNewFile(spot);
    } catch (error) {
      if (!isSyscallError(error, 'EEXIST')) throw error;
      await this.#clear(spot);
      return openNewFile(spot);
    }
  }

  /** A file that could not be made with others. Nothing but a file or an unused folder can be in its way. */
  async #makeAlone({ path, attributes, bytes }: WaitingFile): Promise<void> {
    const { rootFd } = this.#options;
    const place = openParentInRoot(rootFd, bytesOfPath(path));
    try {
      await removeTreeAt(place.fd, place.name, this.#pace);
      const fd = openNewFile(place);
      try {
        writeFully(fd, bytes);
        finishFile(fd, attributes);
      } finally {
        close(fd);
      }
    } finally {
      close(place.fd);
    }
  }

  /** To be called before a name is looked at. */
  async #meet({ path }: Spot): Promise<void> {
    if (this.#waiting?.has(path) === true) await this.settle();
  }

  async #directory(header: TarHeader, spot: Spot): Promise<void> {
    await this.#meet(spot);
    const attributes = this.#options.attributes(header, spot.path);
    const status = fstatatIfExists(spot.fd, spot.name, AT.SYMLINK_NOFOLLOW);
    if (status === undefined) {
      mkdirat(spot.fd, spot.name, 0o700);
    } else if (isWhiteout(status)) {
      unlinkat(spot.fd, spot.name);
      makeOpaqueFolder(spot.fd, spot.name);
    } else if ((status.mode & S_IFMT) !== S_IFDIR) {
      await this.#clear(spot);
      mkdirat(spot.fd, spot.name, 0o700);
    }
    this.#note(setFolderAttributes(spot, attributes), spot.path);
    this.#options.times.set(spot.path, attributes.mtime);
  }

  async #symlink(header: TarHeader, spot: Spot): Promise<void> {
    await this.#clear(spot);
    placeSymlink(spot, this.#options.attributes(header, spot.path), header.target);
    this.#waiting?.addLink(spot.path);
  }

  /** Gives the place of the file that is linked to. */
  async #hardLink(header: TarHeader, spot: Spot): Promise<RawPath> {
    await this.settle();
    // It can be one to a symbolic link.
    this.#waiting?.addLink(spot.path);
    const target = splitPath(cleanPath(header.target));
    const { path } = spotIn(await this.folder(target.parent), target.name);
    if (path !== spot.path) await this.#clear(spot);
    const from = spotIn(await this.folder(target.parent), target.name);
    const status = fstatatIfExists(from.fd, from.name, AT.SYMLINK_NOFOLLOW);
    if (status === undefined || (status.mode & S_IFMT) === S_IFDIR || isWhiteout(status)) {
      throw new Refusal(
        'archive-invalid',
        `Cannot unpack "${textOfPath(spot.path)}": it is a hard link to "${textOfPath(header.target)}", and there is no such file`,
      );
    }
    if (path !== spot.path) {
      linkat(from.fd, from.name, spot.fd, spot.name);
      this.#note(setSharedAttributes(spot, this.#options.attributes(header, path), status), path);
    }
    return path;
  }

  async #special(header: TarHeader, spot: Spot & { readonly type: 'fifo' | 'char' | 'block' }): Promise<void> {
    await this.#clear(spot);
    const { type } = spot;
    if (!placeSpecial(spot, this.#options.attributes(header, spot.path), { type, major: header.major, minor: header.minor })) {
      this.#missingDevices.push(spot.path);
    }
  }

  /** Removes what has the name already. */
  async #clear(spot: Spot): Promise<void> {
    const { fd, name } = spot;
    await this.#meet(spot);
    const status = fstatatIfExists(fd, name, AT.SYMLINK_NOFOLLOW);
    if (status !== undefined) {
      // Files may wait for their turn in a folder that goes.
      await this.settle();
      await removeTreeAt(fd, name, this.#pace);
      // Folders that were below it, or behind it if it was a link, are elsewhere now.
      this.#folders.forgetAllBut(fd);
    }
  }

  #note(areKept: boolean, path: RawPath): void {
    if (!areKept) this.#missingXattrs.push(path);
  }
}

/** A name in an open folder. */
export function spotIn(folder: OpenFolder, name: RawPath): Spot {
  return { fd: folder.fd, name: bytesOfPath(name), path: joinPath(folder.path, name) };
}

function count(paths: readonly RawPath[], noun: string): string {
  return paths.length === 1 ? `1 ${noun}` : `${paths.length} ${noun}s`;
}

function example([first, ...others]: readonly RawPath[]): string {
  return `${first === undefined ? '' : `"/${textOfPath(first)}"`}${others.length > 0 ? ' and others' : ''}`;
}
