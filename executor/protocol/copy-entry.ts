import type { RawPath } from '../../registry/oci/raw-path.ts';

interface Attributes {
  /** Where it is in the source tree, all links on the way already followed. */
  readonly from: RawPath;
  /** Where it goes, relative to the destination of its group; '' is the source itself. */
  readonly to: RawPath;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since the epoch. */
  readonly mtime: number;
  readonly xattrs?: Readonly<Record<string, string>>;
}

/**
 * One file that a COPY copies. Parents come before their children. `identity` is what the file looked like when it was hashed; the
 * worker refuses to copy a file that has changed since, because the key would lie.
 */
export type CopyEntry =
  | (Attributes & {
      readonly type: 'file';
      readonly size: number;
      /** sha256 of the content, hex. */
      readonly digest: string;
      readonly identity?: FileIdentity;
      /** Bytes given here (heredocs), base64; then `from` names nothing. */
      readonly inline?: string;
    })
  | (Attributes & { readonly type: 'directory' })
  | (Attributes & { readonly type: 'symlink'; readonly target: RawPath })
  /** `target` is the `to` of an earlier file of the same group. */
  | (Attributes & { readonly type: 'hardlink'; readonly target: RawPath })
  | (Attributes & { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number })
  | (Attributes & { readonly type: 'fifo' });

/** Enough of a stat to notice a change. Times are nanoseconds as decimal text. */
export interface FileIdentity {
  readonly ino: string;
  readonly size: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
}
