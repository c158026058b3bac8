import { folderOf, joinPath, type RawPath, rawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import { SourceError } from './source-error.ts';
import type { FileTree, TreeEntry } from './tree.ts';

/** Where a path leads inside a tree. */
export interface Resolution {
  /** Without links. When nothing is there: as far as links could be followed, and the rest as it was. */
  readonly path: RawPath;
  readonly entry: TreeEntry | undefined;
}

/**
 * Follows a path inside a tree, links on the way and at the end included. Links never lead out: an absolute target begins at the tree's
 * root, and `..` stops there.
 *
 * @throws SourceError ('too-many-links') as the kernel's ELOOP would. (path_resolution(7))
 */
export function resolveInTree(tree: FileTree, path: RawPath): Resolution {
  const todo = path.split('/').toReversed();
  let resolved = rawPath('');
  let links = 0;
  for (let component = todo.pop(); component !== undefined; component = todo.pop()) {
    if (component === '' || component === '.') continue;
    if (component === '..') {
      resolved = folderOf(resolved);
      continue;
    }
    const next = joinPath(resolved, rawPath(component));
    const entry = tree.lookup(next);
    if (entry?.type !== 'symlink') {
      resolved = next;
      continue;
    }
    if (++links > maximalLinks) throw tooManyLinks(tree, path);
    if (entry.target.startsWith('/')) resolved = rawPath('');
    for (const name of entry.target.split('/').toReversed()) todo.push(name);
  }
  return { path: resolved, entry: tree.lookup(resolved) };
}

/** The limit that Go programs have; the kernel's own is 40. */
const maximalLinks = 255;

function tooManyLinks(tree: FileTree, path: RawPath): SourceError {
  return new SourceError(
    'too-many-links',
    `Cannot follow "${textOfPath(path)}" in ${tree.name}: there are more than ${maximalLinks} symbolic links on the way`,
    { hint: 'Look for a link that leads back to itself' },
  );
}
