import { readlinkSync } from 'node:fs';
import { close } from '../../../native/files.ts';
import { folderOf, nameOf, pathOfBytes, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';

/** A folder that things are put into. */
export interface OpenFolder {
  /** O_PATH is enough. */
  readonly fd: number;
  /** Where it is below the root, all links followed. */
  readonly path: RawPath;
}

const capacity = 64;

/**
 * Keeps the folders open that were used last, since archives and lists name all files of a folder one after the other. Whoever removes
 * or replaces a folder calls forget().
 */
export class FolderCache implements Disposable {
  readonly #open: (path: RawPath) => number;
  readonly #rootPath: Buffer;
  readonly #folders = new Map<RawPath, OpenFolder>();
  #last: OpenFolder | undefined;
  #lastPath: RawPath | undefined;

  /** `open` opens a folder by its path below the root; the cache closes it. */
  constructor(rootFd: number, open: (path: RawPath) => number) {
    this.#open = open;
    this.#rootPath = pathOfDescriptor(rootFd);
  }

  /** True when get() opens nothing. */
  has(path: RawPath): boolean {
    return this.#folders.has(path);
  }

  /** The two folders that were asked for last stay open, and others for a while. */
  get(path: RawPath): OpenFolder {
    if (path === this.#lastPath && this.#last !== undefined) return this.#last;
    const folder = this.#folders.get(path) ?? this.#openNew(path);
    // Maps keep the order in which keys were added, so the first is the one that was not used for longest.
    this.#folders.delete(path);
    this.#folders.set(path, folder);
    this.#last = folder;
    this.#lastPath = path;
    return folder;
  }

  /** Closes all folders but the one with this descriptor. */
  forgetAllBut(kept: number): void {
    for (const [path, { fd }] of this.#folders) {
      if (fd !== kept) {
        close(fd);
        this.#folders.delete(path);
      }
    }
    this.#last = undefined;
  }

  forget(): void {
    this.forgetAllBut(-1);
  }

  [Symbol.dispose](): void {
    this.forget();
  }

  #openNew(path: RawPath): OpenFolder {
    const fd = this.#open(path);
    this.#makeRoom();
    return { fd, path: pathBelow(this.#rootPath, fd) };
  }

  #makeRoom(): void {
    for (const [path, { fd }] of this.#folders) {
      if (this.#folders.size < capacity) return;
      close(fd);
      this.#folders.delete(path);
    }
  }
}

/** The path of an open file as the kernel tells it. */
export function pathOfDescriptor(fd: number): Buffer {
  return readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' });
}

/** Where an open file is below a root, which is given by its pathOfDescriptor(). @throws when it is elsewhere */
export function pathBelow(root: Buffer, fd: number): RawPath {
  const path = pathOfDescriptor(fd);
  const isInside =
    path.subarray(0, root.length).equals(root) &&
    (path.length === root.length || root.length === 1 || path[root.length] === 0x2f);
  if (!isInside) {
    throw new Error(`Cannot use "${path.toString()}": it is outside "${root.toString()}"`);
  }
  return rawPath(pathOfBytes(path.subarray(root.length)).replace(/^\//, ''));
}

/** The parent and the last name of a path. */
export function splitPath(path: RawPath): { readonly parent: RawPath; readonly name: RawPath } {
  return { parent: folderOf(path), name: nameOf(path) };
}

/** A path of an archive, relative to the root it is unpacked to: `.`, empty names and slashes at the ends go, `..` stops at the root. */
export function cleanPath(path: RawPath): RawPath {
  if (!needsCleaning.test(path)) return path;
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') {
      names.pop();
    } else if (name !== '' && name !== '.') {
      names.push(name);
    }
  }
  return rawPath(names.join('/'));
}

const needsCleaning = /(^|\/)(\.{0,2})(\/|$)/;
