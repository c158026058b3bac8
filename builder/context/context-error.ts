import { type RawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import { SourceError } from './errors.ts';

/** A file or folder of a context that the file system does not let us read. */
export function unreadable(tree: string, path: RawPath, error: unknown): SourceError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const reason = code === 'EACCES' || code === 'EPERM' ? 'permission denied' : code;
  return new SourceError('unreadable', `Cannot read "${textOfPath(path)}" in ${tree}: ${reason}`, {
    hint: 'Make it readable, or leave it out with a line in .dockerignore',
    cause: error,
  });
}
