import type { FileHandle } from 'node:fs/promises';
import { isHole } from '../../../registry/oci/tar/sparse.ts';

/** Writes chunks one after the other to an empty file, those of zeros as holes. The caller sets the length at the end. */
export class SparseWriter {
  readonly #file: FileHandle;
  #position = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Settles when the chunk is no longer needed. Not to be called before the last call has settled. */
  async write(chunk: Uint8Array): Promise<void> {
    const position = this.#position;
    this.#position += chunk.length;
    if (isHole(chunk)) return;
    for (let at = 0; at < chunk.length; ) {
      const { bytesWritten } = await this.#file.write(chunk, at, chunk.length - at, position + at);
      at += bytesWritten;
    }
  }
}
