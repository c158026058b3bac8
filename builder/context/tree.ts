import type { FileStamp } from '../../cache/records/stamped-files.ts';
import type { EncodedIdentity } from '../../executor/protocol/copy-entry.ts';
import type { Pace } from '../../registry/oci/pace.ts';
import type { RawPath } from '../../registry/oci/raw-path.ts';

interface Attributes {
  /** Permission and set-id bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since the epoch. */
  readonly mtime: number;
  readonly xattrs?: Readonly<Record<string, string>>;
  /**
   * Set for what a command must not see as it is on disk: it belongs to somebody else than who builds, so the owner would show, or it lies on
   * another file system than the rest, where an overlay does not reach.
   */
  readonly isApart?: true;
}

export type FileEntry = Attributes & {
  readonly type: 'file';
  readonly size: number;
  /** sha256 of the content, hex; undefined until hash() was called for it. */
  readonly digest: string | undefined;
  /** Only for files on this machine. */
  readonly stamp?: FileStamp;
  /** The same text for all names of one file; undefined when it has one name. */
  readonly link?: string;
};

/** What is at a path of a tree. Links are not followed. */
export type TreeEntry =
  | FileEntry
  | (Attributes & { readonly type: 'directory' })
  | (Attributes & { readonly type: 'symlink'; readonly target: RawPath })
  | (Attributes & { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number })
  | (Attributes & { readonly type: 'fifo' })
  | (Attributes & { readonly type: 'socket' });

/** The files of a tree that holds no object for each, by number. A number means the same file for good, whatever becomes of its name. */
export interface TreeRows {
  /** Of all that is in a folder, sorted by the bytes of their names. */
  in(folder: RawPath): readonly number[];
  name(row: number): RawPath;
  entry(row: number): TreeEntry;
  isFolder(row: number): boolean;
  /** A file whose digest is not known. */
  isUnread(row: number): boolean;
  /** The mode of a file of root's whose digest is known and that has one name: what its columns say is all there is to say. undefined for others. */
  plainMode(row: number): number | undefined;
  /** The columns of such files. */
  readonly columns: RowColumns;
}

/** What is known of plain files. */
export interface RowColumns {
  size(row: number): number;
  /** Whole seconds since the epoch. */
  mtime(row: number): number;
  /** Puts the digest as 64 hex digits to a place in bytes. */
  putDigest(row: number, bytes: Uint8Array, start: number): void;
  /** As encodeIdentity() has it. */
  identity(row: number): EncodedIdentity;
}

/** Files that a step can take: a context, a stage, an image. Paths are relative to the root; '' is the root. */
export interface FileTree {
  /** For messages: `the build context`. */
  readonly name: string;
  /** undefined when there is nothing, or nothing that may be seen. No component of the path is followed if it is a link. */
  lookup(path: RawPath): TreeEntry | undefined;
  /** The names in a folder, sorted by bytes; empty for anything else. */
  list(path: RawPath): readonly RawPath[];
  /** Looks at all that is in a folder, with pauses, so that list() has the answer; for trees where that takes a while. */
  look?(path: RawPath, pace: Pace): Promise<void>;
  /** Makes sure that the digests of these files are known. A file that has vanished is not there afterwards. */
  hash(paths: Iterable<RawPath>): Promise<void>;
  readonly rows?: TreeRows;
  /** Says that thousands of paths will be looked up, so that it is worth it to load what does that faster. */
  expectMany?(): Promise<void>;
  /** Looks again at everything that was seen: what has vanished is not there from now on. */
  forgetVanished?(): Promise<void>;
  /** Why a path cannot be seen, such as `.dockerignore:3 ("*.log")`; undefined when nothing hides it. */
  hiddenBy?(path: RawPath): string | undefined;
}
