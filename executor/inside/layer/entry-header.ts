import type { LayerEntry } from '../../../registry/oci/layer-entry.ts';
import { noXattrs, type TarHeader, tarHeader } from '../../../registry/oci/tar/header.ts';
import { opaquePath, whiteoutPath } from '../whiteouts.ts';

/**
 * The tar header of an index entry. Whiteouts carry no mode, no owner and the time 0, as BuildKit writes them, so that equal layers
 * have equal digests.
 */
export function headerOf(entry: LayerEntry): TarHeader {
  switch (entry.type) {
    case 'whiteout':
      return tarHeader({ path: whiteoutPath(entry.path), type: 'file' });
    case 'opaque':
      return tarHeader({ path: opaquePath(entry.path), type: 'file' });
    case 'file':
      return tarHeader({ ...attributesOf(entry), type: 'file', size: entry.size });
    case 'symlink':
    case 'hardlink':
      return tarHeader({ ...attributesOf(entry), type: entry.type, target: entry.target });
    case 'char':
    case 'block':
      return tarHeader({ ...attributesOf(entry), type: entry.type, major: entry.major, minor: entry.minor });
    case 'directory':
    case 'fifo':
      return tarHeader({ ...attributesOf(entry), type: entry.type });
    default:
      return unreachable(entry);
  }
}

type AttributedEntry = Exclude<LayerEntry, { readonly type: 'whiteout' | 'opaque' }>;

function attributesOf({
  path,
  mode,
  uid,
  gid,
  mtime,
  xattrs,
}: AttributedEntry): Omit<TarHeader, 'type' | 'size' | 'target' | 'major' | 'minor'> {
  return { path, mode, uid, gid, mtime, xattrs: xattrs === undefined ? noXattrs : decodeXattrs(xattrs) };
}

/** Attributes as an index holds them, as bytes. */
export function decodeXattrs(xattrs: Readonly<Record<string, string>>): Map<string, Uint8Array> {
  return new Map(Object.entries(xattrs).map(([name, value]) => [name, Buffer.from(value, 'base64')]));
}

/** Attributes for an index, sorted by name; nothing when there are none. */
export function encodeXattrs(xattrs: ReadonlyMap<string, Uint8Array>): { xattrs?: Record<string, string> } {
  if (xattrs.size === 0) {
    return {};
  }
  const sorted = [...xattrs].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return { xattrs: Object.fromEntries(sorted.map(([name, value]) => [name, Buffer.from(value).toString('base64')])) };
}

function unreachable(entry: never): never {
  throw new Error(`Cannot make a header of ${JSON.stringify(entry)}`);
}
