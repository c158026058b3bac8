import { on } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { unreachable } from '../unreachable.ts';
import { DecompressError } from './decompress-error.ts';
import type { DecodeRequest, ThreadMessage } from './decompress-worker.ts';
import { endThread } from './end-thread.ts';
import { Ledger } from './ledger.ts';

const program = createRequire(import.meta.url).resolve('#decompress-worker');

/**
 * Decompresses in a thread of its own, which waits for input and for its reader by blocking: so decoders can be ones that read and write
 * like ordinary functions, and their memory is gone with the thread.
 *
 * @throws DecompressError, and what the source throws
 */
export async function* decompressInThread(
  source: AsyncIterable<Uint8Array>,
  compression: DecodeRequest['compression'],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ledger = new Ledger();
  const decoding: DecodeRequest = { compression, ledger: ledger.shared };
  const worker = new Worker(program, { workerData: decoding });
  const input = source[Symbol.asyncIterator]();
  try {
    for await (const message of messagesOf(worker)) {
      signal?.throwIfAborted();
      switch (message.kind) {
        case 'need': {
          const next = await input.next();
          worker.postMessage(next.done === true ? undefined : next.value, []);
          ledger.sent();
          break;
        }
        case 'output':
          yield message.bytes;
          ledger.used();
          break;
        case 'end':
          return;
        case 'failed':
          throw new DecompressError(message.code, message.reason, message.hint);
        default:
          return unreachable(message);
      }
    }
  } finally {
    await endThread(worker);
    await input.return?.();
  }
}

async function* messagesOf(worker: Worker): AsyncGenerator<ThreadMessage, void, undefined> {
  // A thread that dies emits an error, which ends this iteration.
  for await (const [message] of on(worker, 'message')) {
    yield message;
  }
}
