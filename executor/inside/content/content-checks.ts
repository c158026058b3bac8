import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { endThread } from '../../../registry/oci/compression/end-thread.ts';
import { ContentCheck, type ContentParts } from './content-check.ts';
import type { CheckedPiece } from './content-worker.ts';

const program = createRequire(import.meta.url).resolve('#content-worker');

/** With more pieces than that a thread is worth its start. */
const inlinePieces = 16;

interface CheckOptions {
  /** For tests: above so many pieces. The result does not depend on it. */
  readonly inlinePieces?: number;
}

/**
 * Compares contents with their digests, many of them in a thread, beside whatever else is done with the same bytes: hashing them a second time is half
 * of what it takes to pack files that are in the page cache.
 */
export class ContentChecks implements Disposable {
  readonly #own = new ContentCheck();
  #thread: CheckThread | undefined;
  #inlineLeft: number;

  constructor(options: CheckOptions = {}) {
    this.#inlineLeft = availableParallelism() > 1 ? (options.inlinePieces ?? inlinePieces) : Number.POSITIVE_INFINITY;
  }

  /** As ContentCheck.firstOther(). The memory is shared, and left alone until this settles. */
  async firstOther(memory: Readonly<Uint8Array>, parts: ContentParts): Promise<number | undefined> {
    if (this.#thread === undefined && (this.#inlineLeft > 0 || this.#own.isOpen)) {
      this.#inlineLeft -= 1;
      return this.#own.firstOther(memory, parts);
    }
    this.#thread ??= new CheckThread();
    return this.#thread.firstOther(memory, parts);
  }

  [Symbol.dispose](): void {
    this.#thread?.end();
  }
}

interface AwaitedAnswer {
  readonly resolve: (index: number | undefined) => void;
  readonly reject: (error: Error) => void;
}

class CheckThread {
  readonly #worker = new Worker(program);
  readonly #waiting: AwaitedAnswer[] = [];

  constructor() {
    this.#worker.on('message', (index: number) => this.#waiting.shift()?.resolve(index < 0 ? undefined : index));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('Cannot compare contents: the thread ended')));
  }

  firstOther(memory: Readonly<Uint8Array>, parts: ContentParts): Promise<number | undefined> {
    const piece: CheckedPiece = { memory, parts };
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(piece, []);
    });
  }

  /** Nobody waits for that. */
  end(): void {
    this.#worker.unref();
    endThread(this.#worker).catch(() => undefined);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
