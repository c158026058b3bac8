import {
  AT,
  AT_FDCWD,
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../../../native/constants.ts';
import {
  close,
  type FileStatus,
  fchmodat,
  fchownat,
  fstatat,
  fstatatIfExists,
  mkdirat,
  openat,
  openat2,
  read,
  readlinkat,
} from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { joinPath, pathOfBytes, type RawPath } from '../../../registry/oci/raw-path.ts';
import { Refusal } from '../request/failure.ts';

/** A path inside a root: UTF-8 text or raw bytes. Leading slashes mean nothing; `..` stops at the root. */
export type PathInRoot = string | Uint8Array;

/** What makeDirectories() gives to folders that it makes. */
export interface DirectoryAttributes {
  /** Permission bits; the umask does not count. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Called for each folder when it is complete, parents first. */
  readonly onMade?: (path: RawPath) => void;
}

/** Where a path leads after every symbolic link on the way, whether it exists or not. */
export interface PlaceInRoot {
  /** The part that exists, free of links, relative to the root. */
  readonly existing: RawPath;
  /** Status of `existing`. */
  readonly status: FileStatus;
  /** Names below `existing` that do not exist, outermost first. */
  readonly missing: readonly RawPath[];
}

/** Opens the folder that is a root for the functions below. `path` is ours, so links in it are followed. The caller closes it. */
export function openRoot(path: PathInRoot): number {
  return openat(AT_FDCWD, path, O_PATH | O_DIRECTORY);
}

/**
 * Opens a path as if `rootFd` were `/`: absolute links, `..` and links to links stay inside, magic links of /proc fail with ELOOP.
 * The caller closes the result. (openat2(2), RESOLVE_IN_ROOT)
 */
export function openInRoot(rootFd: number, path: PathInRoot, flags: number): number {
  return openat2(rootFd, path.length === 0 ? '.' : path, { flags, resolve: RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS });
}

/** The status of a path, following a final link unless told otherwise; undefined when it does not exist. */
export function statInRoot(
  rootFd: number,
  path: PathInRoot,
  options: { readonly follow: boolean } = { follow: true },
): FileStatus | undefined {
  const fd = openIfExists(rootFd, path, O_PATH | (options.follow ? 0 : O_NOFOLLOW));
  if (fd === undefined) return undefined;
  try {
    return fstatat(fd, '', AT.EMPTY_PATH);
  } finally {
    close(fd);
  }
}

/**
 * The bytes of a regular file, links followed inside the root; undefined when it does not exist. Refuses what is not a regular file
 * (nothing is waited for: a fifo does not block) and files larger than the limit.
 */
export function readFileInRoot(rootFd: number, path: PathInRoot, limitBytes: number): Buffer | undefined {
  const fd = openIfExists(rootFd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd === undefined) return undefined;
  try {
    const status = fstatat(fd, '', AT.EMPTY_PATH);
    if ((status.mode & S_IFMT) !== S_IFREG) {
      throw new Refusal('not-supported', `Cannot read ${quote(path)} of the image: it is not a regular file`);
    }
    return readWithin(fd, limitBytes, path);
  } finally {
    close(fd);
  }
}

/**
 * Opens the folder that holds the last name of `path`, and gives that name, which itself is not followed.
 *
 * @throws ENOENT when the folder does not exist, and refuses a path without a last name (`/`, `a/..`)
 */
export function openParentInRoot(rootFd: number, path: PathInRoot): { readonly fd: number; readonly name: Buffer } {
  const names = namesOf(Buffer.from(path));
  const name = names.at(-1);
  if (name === undefined || name.equals(dotDot)) {
    throw new Refusal('not-a-directory', `Cannot open the folder of ${quote(path)}: the path has no last name`);
  }
  const fd = openInRoot(rootFd, joined(names.slice(0, -1)), O_PATH | O_DIRECTORY);
  return { fd, name };
}

/**
 * Makes a folder and the parents that are missing, following links inside the root, dangling ones too (their target is made). Folders
 * that exist are left as they are. Gives what was made, parents first, as paths without links. Refuses with `not-a-directory`
 * when something else is in the way.
 */
export function makeDirectories(rootFd: number, path: PathInRoot, attributes: DirectoryAttributes): readonly RawPath[] {
  if (isDirectory(rootFd, path)) return [];
  const place = locateInRoot(rootFd, path);
  if ((place.status.mode & S_IFMT) !== S_IFDIR) {
    throw new Refusal('not-a-directory', `Cannot make the folder ${quote(path)}: "/${textOf(place.existing)}" is not a folder`);
  }
  const made: RawPath[] = [];
  let current = openInRoot(rootFd, Buffer.from(place.existing, 'latin1'), O_PATH | O_DIRECTORY);
  try {
    let where = place.existing;
    for (const name of place.missing) {
      where = joinPath(where, name);
      const next = makeDirectory(current, Buffer.from(name, 'latin1'), attributes);
      close(current);
      current = next;
      made.push(where);
      attributes.onMade?.(where);
    }
  } finally {
    close(current);
  }
  return made;
}

/**
 * Follows a path as far as it exists, and says the rest. `..` in the part that does not exist takes a name away. Names below something that
 * is not a folder count as missing.
 *
 * @throws ELOOP after 40 links, as the kernel does
 */
export function locateInRoot(rootFd: number, path: PathInRoot): PlaceInRoot {
  const walk = new Walk(rootFd);
  try {
    return walk.to(namesOf(Buffer.from(path)));
  } finally {
    walk.close();
  }
}

const dotDot = Buffer.from('..');
const maximumLinks = 40;

/** A walk that keeps every folder on the way open, so that `..` needs no path. */
class Walk {
  readonly #rootFd: number;
  readonly #steps: { readonly name: Buffer; readonly fd: number }[] = [];
  readonly #missing: Buffer[] = [];
  #links = 0;
  /** The last name, when it exists and is not a folder. */
  #leaf: { readonly name: Buffer; readonly status: FileStatus } | undefined;

  constructor(rootFd: number) {
    this.#rootFd = rootFd;
  }

  to(names: readonly Buffer[]): PlaceInRoot {
    const pending = [...names];
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      if (name.equals(dotDot)) {
        this.#up();
      } else if (this.#leaf !== undefined || this.#missing.length > 0) {
        this.#missing.push(name);
      } else {
        pending.unshift(...this.#down(name));
      }
    }
    return this.#place();
  }

  close(): void {
    this.#truncate(0);
  }

  #up(): void {
    if (this.#missing.length > 0) {
      this.#missing.pop();
    } else if (this.#leaf === undefined) {
      this.#truncate(Math.max(0, this.#steps.length - 1));
    } else {
      this.#leaf = undefined;
    }
  }

  /** Goes to a name; gives the names to go through instead when it is a link. */
  #down(name: Buffer): readonly Buffer[] {
    const status = fstatatIfExists(this.#fd(), name, AT.SYMLINK_NOFOLLOW);
    if (status === undefined) {
      this.#missing.push(name);
      return [];
    }
    const type = status.mode & S_IFMT;
    if (type === S_IFLNK) return this.#follow(name);
    if (type === S_IFDIR) {
      this.#steps.push({ name, fd: openat(this.#fd(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW) });
    } else {
      this.#leaf = { name, status };
    }
    return [];
  }

  #follow(name: Buffer): readonly Buffer[] {
    const target = readlinkat(this.#fd(), name);
    this.#links += 1;
    if (this.#links > maximumLinks) {
      throw new Refusal('not-a-directory', `Cannot follow "${name.toString()}" of the image: too many symbolic links`);
    }
    if (target[0] === 0x2f) this.#truncate(0);
    return namesOf(target);
  }

  #place(): PlaceInRoot {
    const names = this.#steps.map((step) => step.name);
    const existing = this.#leaf === undefined ? names : [...names, this.#leaf.name];
    return {
      existing: pathOfBytes(joined(existing)),
      status: this.#leaf?.status ?? fstatat(this.#fd(), '', AT.EMPTY_PATH),
      missing: this.#missing.map((name) => pathOfBytes(name)),
    };
  }

  #fd(): number {
    return this.#steps.at(-1)?.fd ?? this.#rootFd;
  }

  #truncate(length: number): void {
    for (const step of this.#steps.splice(length)) close(step.fd);
  }
}

function makeDirectory(parent: number, name: Buffer, { mode, uid, gid }: DirectoryAttributes): number {
  mkdirat(parent, name, 0o700);
  fchownat(parent, name, uid, gid, AT.SYMLINK_NOFOLLOW);
  fchmodat(parent, name, mode);
  return openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

function isDirectory(rootFd: number, path: PathInRoot): boolean {
  const fd = openIfExists(rootFd, path, O_PATH | O_DIRECTORY);
  if (fd !== undefined) close(fd);
  return fd !== undefined;
}

function openIfExists(rootFd: number, path: PathInRoot, flags: number): number | undefined {
  try {
    return openInRoot(rootFd, path, flags);
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function readWithin(fd: number, limitBytes: number, path: PathInRoot): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.alloc(65_536);
    const length = read(fd, chunk);
    if (length === 0) return Buffer.concat(chunks);
    total += length;
    if (total > limitBytes) {
      throw new Refusal('not-supported', `Cannot read ${quote(path)} of the image: it is larger than ${limitBytes} bytes`);
    }
    chunks.push(chunk.subarray(0, length));
  }
}

/** The names of a path without empty ones and `.`. */
function namesOf(path: Buffer): Buffer[] {
  const names = path.toString('latin1').split('/');
  return names.filter((name) => name !== '' && name !== '.').map((name) => Buffer.from(name, 'latin1'));
}

function joined(names: readonly Buffer[]): Buffer {
  return Buffer.from(names.map((name) => name.toString('latin1')).join('/'), 'latin1');
}

function quote(path: PathInRoot): string {
  return `"${Buffer.from(path).toString()}"`;
}

function textOf(path: RawPath): string {
  return Buffer.from(path, 'latin1').toString();
}
