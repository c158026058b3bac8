import { AT, S_IFDIR, S_IFMT } from '../../../native/constants.ts';
import { close, fstatatIfExists, linkat, mkdirat, unlinkat } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { bytesOfPath, joinPath, type RawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import type { TarHeader } from '../../../registry/oci/tar/header.ts';
import type { TarEntry } from '../../../registry/oci/tar/reader.ts';
import { Refusal } from '../failure.ts';
import { isWhiteoutDevice } from '../whiteouts.ts';
import { cleanPath, FolderCache, type OpenFolder, splitPath } from './folder-cache.ts';
import type { FolderTimes } from './folder-times.ts';
import { makeOpaqueFolder } from './implied-folders.ts';
import {
  finishFile,
  type NewAttributes,
  openNewFile,
  placeSpecial,
  placeSymlink,
  setFolderAttributes,
  setSharedAttributes,
} from './place.ts';
import { removeTree } from './remove-tree.ts';
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
export class EntryPlacer implements Disposable {
  readonly #options: PlacerOptions;
  readonly #folders: FolderCache;
  readonly #missingDevices: RawPath[] = [];
  readonly #missingXattrs: RawPath[] = [];

  constructor(options: PlacerOptions) {
    this.#options = options;
    this.#folders = new FolderCache(options.rootFd, options.openFolder);
  }

  /** The folder that a cleaned path of the archive stands for. */
  folder(path: RawPath): OpenFolder {
    return this.#folders.get(path);
  }

  /** Makes an entry whose folder is folder(parent of its cleaned path). */
  async place(entry: TarEntry, spot: Spot): Promise<PlacedEntry> {
    const { header } = entry;
    const { path } = spot;
    switch (header.type) {
      case 'file':
        return { digest: await this.#file(entry, spot), target: path };
      case 'directory':
        this.#directory(header, spot);
        return { digest: '', target: path };
      case 'symlink':
        this.#clear(spot);
        placeSymlink(spot, this.#options.attributes(header, path), header.target);
        return { digest: '', target: path };
      case 'hardlink':
        return { digest: '', target: this.#hardLink(header, spot) };
      case 'fifo':
      case 'char':
      case 'block':
        this.#special(header, { ...spot, type: header.type });
        return { digest: '', target: path };
      default:
        return unreachable(header.type);
    }
  }

  /** Sets what had to wait for the last entry, and tells what could not be made. `what` names the archive. */
  finish(what: string, warn: (message: string) => void): void {
    this.#folders.forget();
    this.#options.times.apply(this.#options.rootFd);
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

  [Symbol.dispose](): void {
    this.#folders.forget();
  }

  async #file(entry: TarEntry, spot: Spot): Promise<string> {
    const attributes = this.#options.attributes(entry.header, spot.path);
    const fd = this.#newFile(spot);
    try {
      const digest = await writeContent(fd, entry);
      this.#note(finishFile(fd, attributes), spot.path);
      return digest;
    } finally {
      close(fd);
    }
  }

  #newFile(spot: Spot): number {
    try {
      return openNewFile(spot);
    } catch (error) {
      if (!isSyscallError(error, 'EEXIST')) {
        throw error;
      }
      this.#clear(spot);
      return openNewFile(spot);
    }
  }

  #directory(header: TarHeader, spot: Spot): void {
    const attributes = this.#options.attributes(header, spot.path);
    const status = fstatatIfExists(spot.fd, spot.name, AT.SYMLINK_NOFOLLOW);
    if (status === undefined) {
      mkdirat(spot.fd, spot.name, 0o700);
    } else if (isWhiteoutDevice(status)) {
      unlinkat(spot.fd, spot.name);
      makeOpaqueFolder(spot.fd, spot.name);
    } else if ((status.mode & S_IFMT) !== S_IFDIR) {
      this.#clear(spot);
      mkdirat(spot.fd, spot.name, 0o700);
    }
    this.#note(setFolderAttributes(spot, attributes), spot.path);
    this.#options.times.set(spot.path, attributes.mtime);
  }

  /** Gives the place of the file that is linked to. */
  #hardLink(header: TarHeader, spot: Spot): RawPath {
    const target = splitPath(cleanPath(header.target));
    const { path } = spotIn(this.#folders.get(target.parent), target.name);
    if (path !== spot.path) {
      this.#clear(spot);
    }
    const from = spotIn(this.#folders.get(target.parent), target.name);
    const status = fstatatIfExists(from.fd, from.name, AT.SYMLINK_NOFOLLOW);
    if (status === undefined || (status.mode & S_IFMT) === S_IFDIR || isWhiteoutDevice(status)) {
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

  #special(header: TarHeader, spot: Spot & { readonly type: 'fifo' | 'char' | 'block' }): void {
    this.#clear(spot);
    const { type } = spot;
    if (!placeSpecial(spot, this.#options.attributes(header, spot.path), { type, major: header.major, minor: header.minor })) {
      this.#missingDevices.push(spot.path);
    }
  }

  /** Removes what has the name already. */
  #clear({ fd, name }: Spot): void {
    const status = fstatatIfExists(fd, name, AT.SYMLINK_NOFOLLOW);
    if (status !== undefined) {
      removeTree(fd, name);
      // Folders that were below it, or behind it if it was a link, are elsewhere now.
      this.#folders.forgetAllBut(fd);
    }
  }

  #note(areKept: boolean, path: RawPath): void {
    if (!areKept) {
      this.#missingXattrs.push(path);
    }
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

function unreachable(type: never): never {
  throw new Error(`Cannot unpack an entry of the type ${String(type)}`);
}
