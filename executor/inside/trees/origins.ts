import type { FileStatus } from '../../../native/files.ts';
import type { RawPath } from '../../../registry/oci/raw-path.ts';

/** A file of the original, and the copy that was made of it. */
export interface Origin {
  /** The inode of the original. */
  readonly original: bigint;
  /** How many names of the tree it had when it was copied. */
  names: number;
  /** The first of them. */
  readonly path: RawPath;
  /** True once one of its names was written as the same file as new names of it. */
  isJoined: boolean;
}

/** Remembers of each file and folder in a copied tree what it is a copy of: some 200 bytes for each. */
export class Origins {
  readonly #byCopy = new Map<bigint, Origin>();
  readonly #copies = new Map<bigint, Origin>();
  readonly #added = new Map<bigint, RawPath>();
  #endNs = 0n;

  /** A new copy of something. */
  add(copy: bigint, original: bigint, path: RawPath): void {
    const origin: Origin = { original, names: 1, path, isJoined: false };
    this.#byCopy.set(copy, origin);
    this.#copies.set(original, origin);
  }

  /** Something that is in the copy alone, and counts as no change while it is where it was put. */
  addOwn(copy: bigint, path: RawPath): void {
    this.#added.set(copy, path);
  }

  /** What is known of the copy of an original that was met before under another name. */
  copyOf(original: bigint): Origin | undefined {
    return this.#copies.get(original);
  }

  /** From this time on nothing is copied any more, and what is new is not of ours: file systems give the numbers of removed files to new ones. */
  endAt(timeNs: bigint): void {
    this.#endNs = timeNs;
  }

  /** Where a file of the copy comes from; undefined for one that was made since. */
  of(copy: FileStatus): Origin | undefined {
    return copy.btimeNs < this.#endNs ? this.#byCopy.get(copy.ino) : undefined;
  }

  isOwn(copy: FileStatus, path: RawPath): boolean {
    return copy.btimeNs < this.#endNs && this.#added.get(copy.ino) === path;
  }
}
