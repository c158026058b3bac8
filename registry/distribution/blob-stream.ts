import { RegistryError } from '../errors/registry-error.ts';
import { bytesOf, contentLengthOf, discard, type HttpResponse, headerOf } from '../http/exchange.ts';
import type { Patience } from '../http/patience.ts';
import { isTransient, pauseFor } from '../http/retry.ts';
import type { Descriptor } from '../oci/descriptor.ts';

export interface BlobStreamOptions {
  readonly descriptor: Descriptor;
  readonly offset: number;
  /** After "Cannot". */
  readonly purpose: string;
  /** Asks for the bytes from `offset` on: 206 with them, or 200 with the whole blob. */
  readonly connect: (offset: number) => Promise<HttpResponse>;
  /** Renewed when the stream comes further; `connect` has a part in it. */
  readonly patience: Patience;
  readonly signal: AbortSignal | undefined;
  /** Called once, however the stream ends. */
  readonly release: () => void;
}

/** One connection's reply and how many of its first bytes were had before, because the server cannot resume. */
interface Connection {
  readonly response: HttpResponse;
  readonly surplus: number;
}

/**
 * The bytes of a blob from an offset on. The first connection is made before this resolves, so that what cannot be had fails here; when a
 * connection breaks later, the stream goes on over a new one where the old one stopped. Bytes are not verified, except that no more come than
 * the descriptor says.
 */
export async function openBlobStream(options: BlobStreamOptions): Promise<AsyncIterable<Uint8Array>> {
  try {
    const current = { connection: await connectAt(options, options.offset) };
    return closing(resuming(options, current), () => close(options, current));
  } catch (error) {
    options.release();
    throw error;
  }
}

// A server that breaks off after every few bytes would otherwise keep us for ever.
const progressParts = 50;

interface Progress {
  offset: number;
  /** Where patience was last renewed. */
  mark: number;
}

/** The connection in use. */
interface Current {
  connection: Connection;
}

/** A generator that was never started does not run its `finally`, so the end of a stream that nobody read is seen to here. */
function closing(chunks: AsyncGenerator<Uint8Array, void, void>, end: () => void): AsyncIterable<Uint8Array> {
  const finish = async (): Promise<IteratorResult<Uint8Array, void>> => {
    end();
    return chunks.return();
  };
  return { [Symbol.asyncIterator]: () => ({ next: () => chunks.next(), return: finish }) };
}

function close(options: BlobStreamOptions, { connection }: Current): void {
  // A stream that is destroyed before its end may still report it.
  connection.response.body.on('error', () => {}).destroy();
  options.release();
}

async function* resuming(options: BlobStreamOptions, current: Current): AsyncGenerator<Uint8Array, void, void> {
  const { descriptor } = options;
  const progress: Progress = { offset: options.offset, mark: options.offset };
  try {
    for (;;) {
      const error = yield* pump(options, current.connection, progress);
      if (progress.offset === descriptor.size) return;
      current.connection = await reconnect(options, progress, error);
    }
  } finally {
    close(options, current);
  }
}

/** Hands on what one connection brings; returns why it ended. @throws what no new connection can mend */
async function* pump(
  options: BlobStreamOptions,
  connection: Connection,
  progress: Progress,
): AsyncGenerator<Uint8Array, unknown, void> {
  const { descriptor } = options;
  const { response } = connection;
  try {
    for await (const chunk of skipping(bytesOf(response), connection.surplus)) {
      if (progress.offset + chunk.byteLength > descriptor.size) throw tooLong(options);
      progress.offset += chunk.byteLength;
      yield chunk;
    }
    return failure(options, 'connection-lost', `it ends after ${progress.offset} of ${descriptor.size} bytes`);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!isTransient(error)) throw error;
    return error;
  }
}

async function* skipping(chunks: AsyncIterable<Uint8Array>, surplus: number): AsyncGenerator<Uint8Array, void, void> {
  let left = surplus;
  for await (const chunk of chunks) {
    if (chunk.byteLength > left) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.byteLength);
  }
}

async function reconnect(options: BlobStreamOptions, progress: Progress, error: unknown): Promise<Connection> {
  if (progress.offset > progress.mark && progress.offset - progress.mark >= options.descriptor.size / progressParts) {
    progress.mark = progress.offset;
    options.patience.renew();
  }
  const pauseMs = options.patience.afterFailure();
  if (pauseMs === undefined) throw error;
  await pauseFor(pauseMs, options.signal);
  return connectAt(options, progress.offset);
}

async function connectAt(options: BlobStreamOptions, offset: number): Promise<Connection> {
  const response = await options.connect(offset);
  const start = response.status === 206 ? startOf(response) : 0;
  const announced = contentLengthOf(response);
  const wanted = options.descriptor.size;
  if (start !== undefined && start !== 0 && start !== offset) {
    discard(response);
    throw failure(options, 'protocol', 'the registry sent another range than was asked for');
  }
  if (announced !== undefined && announced + (start ?? offset) !== wanted) {
    discard(response);
    throw failure(options, 'size-mismatch', `it should have ${wanted} bytes and has ${announced + (start ?? offset)}`);
  }
  return { response, surplus: offset - (start ?? offset) };
}

function startOf(response: HttpResponse): number | undefined {
  const start = /^bytes (\d+)-/.exec(headerOf(response, 'content-range') ?? '')?.[1];
  return start === undefined ? undefined : Number(start);
}

function tooLong(options: BlobStreamOptions): RegistryError {
  return failure(options, 'size-mismatch', `it is longer than the ${options.descriptor.size} bytes that its image names`);
}

function failure(options: BlobStreamOptions, code: 'size-mismatch' | 'protocol' | 'connection-lost', why: string): RegistryError {
  return new RegistryError(code, `Cannot ${options.purpose}: ${why}`, { side: 'registry' });
}
