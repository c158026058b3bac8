import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isAtOrBelow } from '../../registry/oci/text/path-below.ts';
import { hasErrno } from '../../registry/oci/thrown.ts';

/** Where a path below a folder leads, links followed. */
export type PlaceInside =
  | { readonly kind: 'inside'; readonly path: string }
  /** A link leads out of the folder; what is there is nobody's business. */
  | { readonly kind: 'outside' }
  | { readonly kind: 'missing' };

/** Finds a path below a folder that came from elsewhere. */
export async function placeInside(root: string, relative: string): Promise<PlaceInside> {
  try {
    const [realRoot, found] = await Promise.all([realpath(root), realpath(path.join(root, path.posix.join('/', relative)))]);
    return isAtOrBelow(found, realRoot) ? { kind: 'inside', path: found } : { kind: 'outside' };
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) return { kind: 'missing' };
    throw error;
  }
}

/** A folder below another; undefined when there is none inside. */
export async function folderInside(root: string, relative: string): Promise<string | undefined> {
  const place = await placeInside(root, relative);
  return place.kind === 'inside' && (await stat(place.path)).isDirectory() ? place.path : undefined;
}
