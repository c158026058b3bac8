import type { RawPath } from '../raw-path.ts';

/** What every entry of a layer carries. Times are whole seconds since the epoch. */
interface Attributes {
  readonly path: RawPath;
  /** Permission and set-id bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  /** Extended attributes: name to base64 of the value. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/**
 * One line of a layer's index: what the layer says of one path. A hard link names the entry, earlier in the same layer, whose
 * file it shares. (image-spec, layer.md)
 */
export type LayerEntry =
  | (Attributes & { readonly type: 'file'; readonly size: number /** sha256 of the content, hex. */; readonly digest: string })
  | (Attributes & { readonly type: 'directory' })
  | (Attributes & { readonly type: 'symlink'; readonly target: RawPath })
  | (Attributes & { readonly type: 'hardlink'; readonly target: RawPath })
  | (Attributes & { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number })
  | (Attributes & { readonly type: 'fifo' })
  | { readonly type: 'whiteout' /** The path that is deleted. */; readonly path: RawPath }
  | { readonly type: 'opaque' /** The folder whose lower content is hidden. */; readonly path: RawPath };

/** Something that is in a layer, as against what the layer hides. */
export type PresentEntry = Exclude<LayerEntry, { readonly type: 'whiteout' | 'opaque' }>;
