import { AT, O_DIRECTORY, O_NOFOLLOW, O_PATH, S_IFDIR, S_IFMT, S_IFREG } from '../../../../native/constants.ts';
import { close, fstatat, fstatatIfExists, openat, unlinkat, utimensat } from '../../../../native/files.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import { bytesOfPath, type RawPath } from '../../../../registry/oci/raw-path.ts';

/** A name in a folder that is held open. */
interface HeldName {
  readonly folder: number;
  readonly name: Buffer;
}

/**
 * What is made for a mount point inside of another mount, to be taken away again after the command. The folders are held open from before it runs:
 * it may have renamed them, or put links in their place.
 */
export class MadeMountPoint implements Disposable {
  readonly #outermost: number;
  readonly #mtimeNs: bigint;
  readonly #missing: readonly RawPath[];
  #names: readonly HeldName[] = [];

  /** `outermost` is the folder that exists, which is closed with this; `missing` are the names below it that will be made. */
  constructor(outermost: number, missing: readonly RawPath[]) {
    this.#outermost = outermost;
    this.#missing = missing;
    this.#mtimeNs = fstatat(outermost, '', AT.EMPTY_PATH).mtimeNs;
  }

  /** Opens the folders that have been made. */
  hold(): void {
    const names: HeldName[] = [];
    this.#names = names;
    for (const text of this.#missing) {
      const last = names.at(-1);
      const folder = last === undefined ? this.#outermost : openat(last.folder, last.name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
      names.push({ folder, name: bytesOfPath(text) });
    }
  }

  /** Takes away what was made, as far as the command has left it empty and where it was. */
  remove(): void {
    if (this.#names.toReversed().every(removeIfEmpty)) {
      utimensat(this.#outermost, '', { mtimeNs: this.#mtimeNs }, AT.EMPTY_PATH);
    }
  }

  [Symbol.dispose](): void {
    this.#names.forEach(({ folder }) => (folder === this.#outermost ? undefined : close(folder)));
    close(this.#outermost);
  }
}

/** Removes an empty folder or file; false when there is something else by now. */
export function removeIfEmpty({ folder, name }: HeldName): boolean {
  const status = fstatatIfExists(folder, name, AT.SYMLINK_NOFOLLOW);
  const type = status === undefined ? undefined : status.mode & S_IFMT;
  if (type !== S_IFDIR && !(type === S_IFREG && status?.size === 0)) return false;
  try {
    unlinkat(folder, name, type === S_IFDIR ? AT.REMOVEDIR : 0);
    return true;
  } catch (error) {
    if (isSyscallError(error, 'ENOTEMPTY', 'EEXIST', 'EBUSY', 'EROFS')) return false;
    throw error;
  }
}
