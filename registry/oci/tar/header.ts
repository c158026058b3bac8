import { pathOfText, type RawPath } from '../raw-path.ts';

/** The types of entries that mean something to a file system. */
export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo';

/** What an archive says of one entry. */
export interface TarHeader {
  /** As written in the archive, without slashes at the end: it may be absolute and hold `..`. At most 4096 bytes. */
  readonly path: RawPath;
  readonly type: TarEntryType;
  /** Permission and set-id bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of the content, holes of sparse files included. 0 for everything but files. */
  readonly size: number;
  /** Whole seconds since the epoch, rounded down; may be negative. */
  readonly mtime: number;
  /** Where a symlink or a hard link points, '' for the other types. */
  readonly target: RawPath;
  readonly major: number;
  readonly minor: number;
  /** Values are bytes, names are what the kernel calls them. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** For headers without extended attributes. */
export const noXattrs: ReadonlyMap<string, Uint8Array> = new Map();

/** A header with zeros, and an empty target, for everything that is not given. */
export function tarHeader(fields: TarHeaderFields): TarHeader {
  const { path, type, mode = 0, uid = 0, gid = 0, size = 0, mtime = 0, target = noTarget } = fields;
  const { major = 0, minor = 0, xattrs = noXattrs } = fields;
  // Spreading takes ten times as long, and layers have tens of thousands of entries.
  return { path, type, mode, uid, gid, size, mtime, target, major, minor, xattrs };
}

type TarHeaderFields = Pick<TarHeader, 'path' | 'type'> & { readonly [Name in keyof TarHeader]?: TarHeader[Name] | undefined };

const noTarget = pathOfText('');
