import { posix } from 'node:path';

/** `path` below `folder` unless it is absolute; clean, without a slash at the end. `..` does not get out of the root. */
export function joinImagePath(folder: string, path: string): string {
  const joined = posix.join('/', path.startsWith('/') ? path : `${folder}/${path}`);
  return joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined;
}

/**
 * Like joinImagePath, but what was written as a folder keeps a slash at its end: a slash, `.` alone or at the end, and nothing at all, which is
 * the folder itself.
 */
export function joinDestination(folder: string, path: string): string {
  const joined = joinImagePath(folder, path);
  const isFolder = path === '' || path === '.' || path.endsWith('/') || path.endsWith('/.');
  return isFolder && joined !== '/' ? `${joined}/` : joined;
}
