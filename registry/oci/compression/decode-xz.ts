import { ReadableStream } from 'node:stream/web';
import xz from 'xz-decompress';
import { DecompressError } from './decompress-error.ts';

/**
 * xz-embedded as WebAssembly: any number of streams with padding; CRCs are checked, dictionaries may have 64 MiB, which is what `xz -9`
 * uses. What is known from the first headers to be beyond it does not come here.
 *
 * @throws DecompressError
 */
export async function decodeXz(input: Iterable<Uint8Array>, emit: (bytes: Uint8Array<ArrayBuffer>) => void): Promise<void> {
  const iterator = input[Symbol.iterator]();
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = iterator.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
    },
    { highWaterMark: 0 },
  );
  try {
    for await (const chunk of new xz.XzReadableStream(source)) {
      if (chunk.length > 0) emit(new Uint8Array(chunk));
    }
  } catch (error) {
    throw decompressError(error);
  }
}

/** The package tells errors by the numbers of `enum xz_ret` (xz-embedded, xz.h). */
function decompressError(error: unknown): unknown {
  const number = error instanceof Error ? /error code (\d+)$/.exec(error.message)?.[1] : undefined;
  switch (number) {
    case undefined:
      return error;
    case '4':
      return unsupported('a later part of it has a dictionary larger than 64 MiB');
    case '2':
    case '6':
      return unsupported('a later part of it has a filter or a kind of check that its first one does not have');
    case '8':
      return new DecompressError('damaged', 'it ends too early');
    default:
      return new DecompressError('damaged', 'it is damaged');
  }
}

function unsupported(reason: string): DecompressError {
  return new DecompressError('unsupported', reason, 'Compress it anew: xz -dc OLD | xz > NEW');
}
