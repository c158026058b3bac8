import { Worker } from 'node:worker_threads';
import type { CompressJob } from './gzip-worker.ts';

const program = new URL(import.meta.resolve('#gzip-worker'));

interface Waiting {
  readonly resolve: (member: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** A thread that compresses members one after the other. */
export class CompressThread {
  readonly #worker = new Worker(program);
  readonly #waiting: Waiting[] = [];

  constructor() {
    this.#worker.on('message', (member: Uint8Array) => this.#waiting.shift()?.resolve(member));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('Cannot compress: the thread ended')));
  }

  /** Takes over the memory of `input`. */
  compress(input: Uint8Array<ArrayBuffer>, level: number): Promise<Uint8Array> {
    const job: CompressJob = { input, level };
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(job, [input.buffer]);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) {
      reject(error);
    }
  }
}
