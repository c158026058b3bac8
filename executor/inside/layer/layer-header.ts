import type { LayerEntry, PresentEntry } from '../../../registry/oci/layer/layer-entry.ts';
import { noXattrs, type TarHeader, tarHeader } from '../../../registry/oci/tar/header.ts';
import { byName } from '../../../registry/oci/text/sort-order.ts';
import { unreachable } from '../../../registry/oci/unreachable.ts';
import { opaquePath, whiteoutPath } from './whiteouts.ts';

/**
 * The tar header of an index entry. Whiteouts carry no mode, no owner and the time 0, as BuildKit writes them, so that equal layers
 * have equal digests.
 */
export function entryHeader(entry: LayerEntry): TarHeader {
  switch (entry.type) {
    case 'whiteout':
      return tarHeader({ path: whiteoutPath(entry.path), type: 'file' });
    case 'opaque':
      return tarHeader({ path: opaquePath(entry.path), type: 'file' });
    case 'file':
      return attributed(entry, { size: entry.size });
    case 'symlink':
    case 'hardlink':
      return attributed(entry, { target: entry.target });
    case 'char':
    case 'block':
      return attributed(entry, { major: entry.major, minor: entry.minor });
    case 'directory':
    case 'fifo':
      return attributed(entry, {});
    default:
      return unreachable(entry);
  }
}

type Special = Partial<Pick<TarHeader, 'size' | 'target' | 'major' | 'minor'>>;

function attributed(entry: PresentEntry, { size, target, major, minor }: Special): TarHeader {
  const { type, path, mode, uid, gid, mtime } = entry;
  const xattrs = entry.xattrs === undefined ? noXattrs : decodeXattrs(entry.xattrs);
  return tarHeader({ type, path, mode, uid, gid, mtime, xattrs, size, target, major, minor });
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
  const sorted = [...xattrs].toSorted(byName);
  return { xattrs: Object.fromEntries(sorted.map(([name, value]) => [name, Buffer.from(value).toString('base64')])) };
}
