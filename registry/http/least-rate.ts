import type { Readable } from 'node:stream';

/** Nothing moved for too long, or next to nothing. In the message HOST stands for the host. */
export class StallError extends Error {
  override readonly name = 'StallError';
}

/** What must arrive while we wait for a second, on average over the time limit. Modems of the last century did better. */
const leastBytesPerSecond = 1024;

/**
 * Hands on a stream's chunks. The time that the reader takes does not count.
 *
 * @throws StallError when, over `windowMs` of waiting, less than 1 KiB a second came: timers for silence are happy with one byte now and
 * then, for ever
 */
export async function* atLeastRate(stream: Readable, windowMs: number): AsyncGenerator<Uint8Array, void, void> {
  const chunks: AsyncIterator<Uint8Array, void> = stream[Symbol.asyncIterator]();
  const leastBytes = Math.max(1, (leastBytesPerSecond * windowMs) / 1000);
  const window = { bytes: 0, waitedMs: 0 };
  try {
    for (;;) {
      const next = await waitingFor(chunks, { stream, leftMs: windowMs - window.waitedMs, window });
      if (next.done === true) return;
      window.bytes += next.value.byteLength;
      if (window.bytes >= leastBytes) [window.bytes, window.waitedMs] = [0, 0];
      yield next.value;
    }
  } finally {
    await chunks.return?.();
  }
}

interface Wait {
  readonly stream: Readable;
  readonly leftMs: number;
  readonly window: { waitedMs: number };
}

/** Waits for a chunk until the window is over; what came by then was too little. */
async function waitingFor(
  chunks: AsyncIterator<Uint8Array, void>,
  { stream, leftMs, window }: Wait,
): Promise<IteratorResult<Uint8Array, void>> {
  const since = performance.now();
  const timer = setTimeout(() => stream.destroy(new StallError('HOST sends less than 1 KiB a second')), Math.max(0, leftMs));
  try {
    return await chunks.next();
  } finally {
    clearTimeout(timer);
    window.waitedMs += performance.now() - since;
  }
}
