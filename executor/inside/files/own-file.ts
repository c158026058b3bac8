import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { hasErrno } from '../../../registry/oci/thrown.ts';

/**
 * Opens a file that tsbuild wrote into the store, to read it. Something else may have its place by now: a link is not followed, and a pipe
 * not waited for.
 *
 * @throws what open(2) fails with, and an Error without a code for what is no file
 */
export function openOwnFile(file: string): number {
  const fd = openUnfollowed(file);
  if (fd !== undefined && fstatSync(fd).isFile()) return fd;
  if (fd !== undefined) closeSync(fd);
  throw new Error(`"${file}" is no file any more`);
}

/** undefined for a link and a socket. */
function openUnfollowed(file: string): number | undefined {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (hasErrno(error, 'ELOOP', 'ENXIO')) return undefined;
    throw error;
  }
}
