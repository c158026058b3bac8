import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { endThread } from '../../../registry/oci/compression/end-thread.ts';
import type { BlockCompression } from './block-compressor.ts';

const program = createRequire(import.meta.url).resolve('#compress-worker');

interface AwaitedBlock {
  readonly resolve: (block: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** A thread that compresses blocks one after the other. */
export class CompressThread {
  readonly #worker: Worker;
  readonly #waiting: AwaitedBlock[] = [];

  constructor(compression: BlockCompression, isInBackground: boolean) {
    this.#worker = new Worker(program, { workerData: { compression, isInBackground } });
    this.#worker.on('message', (block: Uint8Array) => this.#waiting.shift()?.resolve(block));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('Cannot compress: the thread ended')));
  }

  /** How many blocks it has not given back. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes over the memory of `input`. */
  compress(input: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(input, [input.buffer]);
    });
  }

  async close(): Promise<void> {
    await endThread(this.#worker);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
