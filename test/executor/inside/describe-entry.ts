import type { LayerEntry } from '../../../registry/oci/layer/layer-entry.ts';
import { sha256 } from './lab.ts';

/**
 * An entry as one line: `file a/f 644 5:6 @1500000000 hello`, where the text is the content if it is one of those given. T0 stands for
 * the constant time.
 */
export function describeEntry(entry: LayerEntry, contents: readonly string[] = []): string {
  if (entry.type === 'whiteout' || entry.type === 'opaque') {
    return `${entry.type} ${entry.path}`;
  }
  const { type, path, mode, uid, gid, mtime } = entry;
  const time = mtime === 315_619_200 ? 'T0' : `@${mtime}`;
  const xattrs = Object.entries(entry.xattrs ?? {}).map(([name, value]) => ` ${name}=${value}`);
  return `${type} ${path} ${mode.toString(8)} ${uid}:${gid} ${time}${detail(entry, contents)}${xattrs.join('')}`;
}

function detail(entry: Exclude<LayerEntry, { type: 'whiteout' | 'opaque' }>, contents: readonly string[]): string {
  switch (entry.type) {
    case 'file':
      return ` ${contents.find((text) => sha256(text) === entry.digest && text.length === entry.size) ?? entry.digest}`;
    case 'symlink':
    case 'hardlink':
      return ` -> ${entry.target}`;
    case 'char':
    case 'block':
      return ` ${entry.major}:${entry.minor}`;
    case 'directory':
    case 'fifo':
      return '';
    default:
      return entry;
  }
}
