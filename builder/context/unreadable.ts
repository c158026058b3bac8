import { type RawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import { hasErrno } from '../../registry/oci/thrown.ts';
import { systemWords } from '../show/system-reason.ts';
import { SourceError } from './source-error.ts';

/** A file or folder of a context that the file system does not let us read. */
export function unreadable(tree: string, path: RawPath, error: unknown): SourceError {
  const isForbidden = hasErrno(error, 'EACCES', 'EPERM');
  const reason = isForbidden ? 'permission denied' : error instanceof Error ? systemWords(error) : String(error);
  return new SourceError('unreadable', `Cannot read "${textOfPath(path)}" in ${tree}: ${reason}`, {
    hint: isForbidden ? 'Make it readable, or leave it out with a line in .dockerignore' : undefined,
    cause: error,
  });
}

/** True when a path leads to nothing: it is not there, or not there any more. */
export function isGone(error: unknown): boolean {
  return hasErrno(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG');
}
