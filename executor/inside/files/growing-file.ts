import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isMissing } from '../../../registry/oci/thrown.ts';
import type { ArrivingFile } from '../../protocol/messages.ts';
import type { BlobGrowth } from '../request/blob-growth.ts';

/** A file that is still being written. */
export interface GrowingFile extends ArrivingFile {
  readonly growth: BlobGrowth;
}

const pieceBytes = 1 << 20;

/** The bytes of a file while it is written. `target` is its name when it is whole. @throws the signal's reason */
export async function* growingBytes(
  target: string,
  { file, growth, sizeBytes }: GrowingFile,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using handle = await openEither(file, target);
  for (let position = 0; position < sizeBytes; ) {
    const there = await growth.beyond(position, signal);
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.allocUnsafe(Math.min(pieceBytes, there - position)),
      position,
    });
    // It was cut off by somebody else; what is missing shows where it is used.
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** It may have got its name since we were asked to read it. */
async function openEither(file: string, target: string): Promise<FileHandle> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (!isMissing(error)) throw error;
    return open(target, constants.O_RDONLY | constants.O_NOFOLLOW);
  }
}
