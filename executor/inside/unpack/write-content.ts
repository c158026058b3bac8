import { createHash, hash } from 'node:crypto';
import { ftruncateSync, writeSync } from 'node:fs';
import type { Pace } from '../../../registry/oci/pace.ts';
import type { TarEntry } from '../../../registry/oci/tar/reader.ts';
import { isHole } from '../../../registry/oci/tar/sparse.ts';
import { writeFully } from '../files/write-fully.ts';

/** Writes the content of an archive's entry to an empty file, holes as holes; gives its sha256, hex. */
export function writeContent(fd: number, { bytes, content }: TarEntry, pace: Pace): string | Promise<string> {
  if (bytes !== undefined) {
    if (bytes.length > 0) writeFully(fd, bytes);
    return hash('sha256', bytes, 'hex');
  }
  return writeStream(fd, content, pace);
}

/** Pieces of a hole are at hand without any waiting, and a hole may be very long: nothing else would run meanwhile. */
async function writeStream(fd: number, content: AsyncIterable<Uint8Array>, pace: Pace): Promise<string> {
  const digest = createHash('sha256');
  let position = 0;
  let written = 0;
  for await (const chunk of content) {
    digest.update(chunk);
    if (!isHole(chunk)) {
      writeAt(fd, chunk, position);
      written = position + chunk.length;
    }
    position += chunk.length;
    if (pace.isDue()) await pace.turn();
  }
  if (written < position) ftruncateSync(fd, position);
  return digest.digest('hex');
}

function writeAt(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}
