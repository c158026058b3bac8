import { ZSTDDecoder } from 'zstddec/stream';
import { DecompressError } from './decompress-error.ts';

/** Longer inputs are fed in pieces of this size. */
const pieceBytes = 1 << 16;

/**
 * The zstd library as WebAssembly: any number of frames, skippable ones too; checksums are checked, windows may have 128 MiB.
 *
 * @throws DecompressError
 */
export async function decodeZstd(input: Iterable<Uint8Array>, emit: (bytes: Uint8Array<ArrayBuffer>) => void): Promise<void> {
  // With it the package would fetch its own bytes from a data: URL, and loading fetch takes Node 60 ms. The thread has no use for it.
  Reflect.deleteProperty(globalThis, 'fetch');
  const decoder = new ZSTDDecoder();
  await decoder.init();
  const progress = { stillPossible: 0 };
  for (const chunk of endingWell(decoder.decodeStreaming(pieces(input, progress)))) {
    if (chunk.length > 0) {
      emit(new Uint8Array(chunk));
    } else {
      progress.stillPossible -= 1;
      // The package does not look at errors of the library, and would go on for ever.
      if (progress.stillPossible < 0) {
        throw new DecompressError('damaged', 'it is damaged, or needs a window of more than 128 MiB');
      }
    }
  }
}

/** Each call of the library takes a byte at least or gives one. So a piece that gives nothing more often than it has bytes is an error. */
function* pieces(input: Iterable<Uint8Array>, progress: { stillPossible: number }): Generator<Uint8Array, void, undefined> {
  for (const bytes of input) {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      progress.stillPossible = piece.length;
      yield piece;
    }
  }
}

function* endingWell(chunks: Iterable<Uint8Array>): Generator<Uint8Array, void, undefined> {
  try {
    yield* chunks;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Incomplete stream')) {
      throw new DecompressError('damaged', 'it ends too early');
    }
    throw error;
  }
}
