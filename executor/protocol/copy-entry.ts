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
export type CopyEntry<Identity = FileIdentity> =
  | (Attributes & {
      readonly type: 'file';
      readonly size: number;
      /** sha256 of the content, hex. */
      readonly digest: string;
      readonly identity?: Identity;
      /** Bytes given here (heredocs), base64; then `from` names nothing. */
      readonly inline?: string;
    })
  | (Attributes & { readonly type: 'directory' })
  | (Attributes & { readonly type: 'symlink'; readonly target: RawPath })
  /** `target` is the `to` of an earlier file of the same group. */
  | (Attributes & { readonly type: 'hardlink'; readonly target: RawPath })
  | (Attributes & { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number })
  | (Attributes & { readonly type: 'fifo' });

/** Enough of a stat to notice a change. */
export interface FileIdentity {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** An entry as the worker reads it from a list. The identity is text, as it is mostly not looked at. */
export type ListedEntry = CopyEntry<EncodedIdentity>;

/** The four numbers with spaces between, since JSON has no integers of 64 bits. */
export type EncodedIdentity = string;

/** An identity as it is written in a list. */
export function encodeIdentity({ ino, size, mtimeNs, ctimeNs }: FileIdentity): EncodedIdentity {
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

/** The identity of an entry that was read from a list. */
export function decodeIdentity(identity: EncodedIdentity): FileIdentity {
  const [ino = 0n, size = 0n, mtimeNs = 0n, ctimeNs = 0n] = identity.split(' ').map(BigInt);
  return { ino, size, mtimeNs, ctimeNs };
}
