import { writeSync } from 'node:fs';

/** Writes all bytes, however many calls it takes. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
