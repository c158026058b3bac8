import { availableParallelism } from 'node:os';
import { type BlockCompression, type BlockCompressor, blockCompressor } from './block-compressor.ts';
import { CompressThread } from './compress-thread.ts';

/** Above so many blocks threads are worth their start. */
const inlineBlocks = 4;
/** One that a thread works on, and one that waits for it: blocks take different times, and come back in their order. */
const blocksForEach = 2;
/** More threads would wait for the one that reads files. */
const maximumThreads = 8;

/** A block that is compressed already. */
export interface CompressedBlock {
  readonly compressed: Uint8Array;
}

export interface CompressOptions {
  readonly compression: BlockCompression;
  /** For tests; the result does not depend on it. Undefined chooses by the processor and the size of the input. */
  readonly threads?: number;
  /** Commands of RUN go first: threads have a lower priority. Default: false. */
  readonly isInBackground?: boolean | undefined;
}

/**
 * Compresses chunks: each becomes a gzip member or a zstd frame, so where chunks end is part of the result. The same chunks give the same
 * bytes with any number of threads, on any processor and any version of Node. A chunk may be reused as soon as the next one is asked for.
 *
 * @throws RangeError for a level that does not exist
 */
export async function* compressBlocks(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array | CompressedBlock>,
  { compression, threads, isInBackground = false }: CompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const pool = new Pool(compression, {
    compress: await blockCompressor(compression),
    isInBackground,
    size: threads ?? Math.min(availableParallelism(), maximumThreads),
    inlineBlocks: threads === undefined ? inlineBlocks : 0,
  });
  try {
    const running: Promise<Uint8Array>[] = [];
    for await (const chunk of chunks) {
      const block = chunk instanceof Uint8Array ? pool.compress(chunk) : Promise.resolve(chunk.compressed);
      // It is awaited in its turn; until then, or when another one failed first, it must not count as unhandled.
      block.catch(() => undefined);
      running.push(block);
      if (running.length > pool.size * blocksForEach) yield* first(running);
    }
    while (running.length > 0) yield* first(running);
  } finally {
    await pool.close();
  }
}

async function* first(running: Promise<Uint8Array>[]): AsyncGenerator<Uint8Array, void, undefined> {
  const block = running.shift();
  if (block !== undefined) yield await block;
}

interface PoolOptions {
  readonly isInBackground: boolean;
  readonly compress: BlockCompressor;
  readonly size: number;
  readonly inlineBlocks: number;
}

/** Threads that are started when they are needed; each works on one block at a time. */
class Pool {
  readonly size: number;
  readonly #compression: BlockCompression;
  readonly #compress: BlockCompressor;
  readonly #inlineBlocks: number;
  readonly #isInBackground: boolean;
  readonly #threads: CompressThread[] = [];
  #count = 0;

  constructor(compression: BlockCompression, options: PoolOptions) {
    this.#compression = compression;
    this.#compress = options.compress;
    this.size = options.size;
    this.#isInBackground = options.isInBackground;
    this.#inlineBlocks = options.inlineBlocks;
  }

  async compress(chunk: Uint8Array): Promise<Uint8Array> {
    this.#count += 1;
    if (this.size === 0 || this.#count <= this.#inlineBlocks) return this.#compress(chunk);
    return this.#leastBusy().compress(new Uint8Array(chunk));
  }

  #leastBusy(): CompressThread {
    const [thread] = this.#threads.toSorted((a, b) => a.waiting - b.waiting);
    if (thread !== undefined && (thread.waiting === 0 || this.#threads.length === this.size)) return thread;
    const started = new CompressThread(this.#compression, this.#isInBackground);
    this.#threads.push(started);
    return started;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}
