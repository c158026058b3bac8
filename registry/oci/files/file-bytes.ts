import { createReadStream } from 'node:fs';

/** Which part of a file, and in pieces of what size. All in bytes. */
export interface FileRange {
  readonly start?: number;
  /** The last byte, included. */
  readonly end?: number;
  readonly highWaterMark?: number;
  readonly signal?: AbortSignal;
}

/**
 * The bytes of a file, which is opened when the first of them is asked for. A stream of Node's opens its file at once, and ends the process
 * when that fails before somebody listens.
 *
 * @throws what open(2) and read(2) fail with
 */
export async function* fileBytes(file: string | Buffer, range: FileRange = {}): AsyncGenerator<Uint8Array, void, undefined> {
  yield* createReadStream(file, range);
}
