import { createHash } from 'node:crypto';
import { LayersTree } from '../../../builder/context/layers-tree.ts';
import { indexOf, type LayerIndex } from '../../../cache/snapshots/layer-index.ts';
import type { LayerEntry } from '../../../registry/oci/layer/layer-entry.ts';
import { pathOfText } from '../../../registry/oci/raw-path.ts';

const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 7 };

/**
 * A layer from short lines: `dir/`, `file=content`, `link->target`, `name<=hard link's target`, `-removed`, `!opaque`. Folders above are
 * made on the way by the tree.
 */
export function layer(...lines: readonly string[]): LayerIndex {
  return indexOf(lines.map(entryOf));
}

/** A tree of one layer. */
export function memoryTree(...lines: readonly string[]): LayersTree {
  return new LayersTree('the stage', [layer(...lines)]);
}

export function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

function entryOf(line: string): LayerEntry {
  if (line.startsWith('-')) return { type: 'whiteout', path: pathOfText(line.slice(1)) };
  if (line.startsWith('!')) return { type: 'opaque', path: pathOfText(line.slice(1)) };
  if (line.endsWith('/')) return { type: 'directory', path: pathOfText(line.slice(0, -1)), ...attributes, mode: 0o755 };
  const [, name = '', sign, value = ''] = /^(.*?)(->|<=|=)(.*)$/s.exec(line) ?? [];
  const path = pathOfText(name);
  if (sign === '->') return { type: 'symlink', path, target: pathOfText(value), ...attributes, mode: 0o777 };
  if (sign === '<=') return { type: 'hardlink', path, target: pathOfText(value), ...attributes };
  return { type: 'file', path, size: value.length, digest: sha256(value), ...attributes };
}
