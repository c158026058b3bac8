import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { unreachable } from '../unreachable.ts';
import type { Compression } from './compression-of.ts';
import type { DecompressErrorCode } from './decompress-error.ts';
import { DecompressError } from './decompress-error.ts';
import { Ledger } from './ledger.ts';

// Entry of a decompressing thread.

/** What a thread is started for. */
export interface DecodeRequest {
  readonly compression: Exclude<Compression, 'none' | 'gzip'>;
  readonly ledger: Int32Array<SharedArrayBuffer>;
}

/** Thread to reader. Each `need` is answered by bytes, or undefined at the end. */
export type ThreadMessage =
  | { readonly kind: 'need' }
  | { readonly kind: 'output'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'failed'; readonly code: DecompressErrorCode; readonly reason: string; readonly hint: string | undefined };

/** Reads compressed bytes, and gives what is inside to `emit`, whose memory it then is. @throws DecompressError */
export type Decoder = (input: Iterable<Uint8Array>, emit: (bytes: Uint8Array<ArrayBuffer>) => void) => void | Promise<void>;

// Nobody awaits it: decoders are imported while it runs, and one that shares a module with this file would wait for the end of this file first.
if (parentPort !== null) void serve(parentPort, workerData);

async function serve(port: NonNullable<typeof parentPort>, { compression, ledger: shared }: DecodeRequest): Promise<void> {
  const ledger = new Ledger(shared);
  const post = (message: ThreadMessage, transferred: readonly ArrayBuffer[] = []): void => port.postMessage(message, transferred);
  // The reader ends the thread.
  port.ref();
  // One chunk is under way while another one is decompressed.
  post({ kind: 'need' });
  const decode = await decoderOf(compression);
  try {
    await decode(inputs(), (bytes) => {
      post({ kind: 'output', bytes }, [bytes.buffer]);
      ledger.emitted();
    });
    post({ kind: 'end' });
  } catch (error) {
    if (!(error instanceof DecompressError)) throw error;
    post({ kind: 'failed', code: error.code, reason: error.message, hint: error.hint });
  }

  function* inputs(): Generator<Uint8Array, void, undefined> {
    for (;;) {
      const { message }: { readonly message: Uint8Array | undefined } = ledger.waitFor(() => receiveMessageOnPort(port));
      if (message === undefined) return;
      post({ kind: 'need' });
      yield message;
    }
  }
}

async function decoderOf(compression: DecodeRequest['compression']): Promise<Decoder> {
  switch (compression) {
    case 'bzip2':
      return (await import('./decode-bzip2.ts')).decodeBzip2;
    case 'xz':
      return (await import('./decode-xz.ts')).decodeXz;
    case 'zstd':
      return (await import('./decode-zstd.ts')).decodeZstd;
    default:
      return unreachable(compression);
  }
}
