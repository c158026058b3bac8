import { availableParallelism } from 'node:os';
import { CompressThread } from './compress-thread.ts';
import { gzipMember } from './gzip-member.ts';

/** Above so many members threads are worth their start. */
const inlineMembers = 4;
/** More threads would wait for the one that reads files. */
const maximumThreads = 8;

export interface GzipOptions {
  /** 0 to 9. */
  readonly level: number;
  /** For tests; the result does not depend on it. Undefined chooses by the processor and the size of the input. */
  readonly threads?: number;
}

/**
 * Compresses chunks: each becomes a gzip member, so where chunks end is part of the result. The same chunks give the same bytes with
 * any number of threads, on any processor and any version of Node. A chunk may be reused as soon as the next one is asked for.
 */
export async function* gzip(
  chunks: Iterable<Uint8Array>,
  { level, threads }: GzipOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const pool = new Pool(threads ?? Math.min(availableParallelism(), maximumThreads), threads === undefined ? inlineMembers : 0);
  try {
    const running: Promise<Uint8Array>[] = [];
    for (const chunk of chunks) {
      const member = pool.compress(chunk, level);
      // It is awaited in its turn; until then, or when another one failed first, it must not count as unhandled.
      member.catch(() => undefined);
      running.push(member);
      if (running.length > pool.size) {
        yield* first(running);
      }
    }
    while (running.length > 0) {
      yield* first(running);
    }
  } finally {
    await pool.close();
  }
}

async function* first(running: Promise<Uint8Array>[]): AsyncGenerator<Uint8Array, void, undefined> {
  const member = running.shift();
  if (member !== undefined) {
    yield await member;
  }
}

/** Threads that are started when they are needed; each works on one member at a time. */
class Pool {
  readonly size: number;
  readonly #inline: number;
  readonly #threads: CompressThread[] = [];
  #count = 0;

  constructor(size: number, inline: number) {
    this.size = size;
    this.#inline = inline;
  }

  compress(chunk: Uint8Array, level: number): Promise<Uint8Array> {
    this.#count += 1;
    if (this.size === 0 || this.#count <= this.#inline) {
      return Promise.resolve(gzipMember(chunk, level));
    }
    const index = this.#count % this.size;
    const thread = (this.#threads[index] ??= new CompressThread());
    return thread.compress(new Uint8Array(chunk), level);
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}
