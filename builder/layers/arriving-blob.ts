import type { OnGrown } from '../../cache/blobs/blob-writer.ts';
import type { ArrivingFile } from '../../executor/protocol/messages.ts';

/** Fetches the blob, tells of its file while it grows, and gives its place in the store when it is verified. */
type Fetch = (onGrown: OnGrown) => Promise<string>;

/**
 * A blob on its way into the store, which can be read before its last bytes have come and it is verified. What is made of it counts when `whole` has
 * resolved, and not before.
 */
export class ArrivingBlob {
  /** Where it is in the store. Rejects when it could not be had, or is not what its name says. */
  readonly whole: Promise<string>;
  /** Settles when there is something to read, or nothing more to wait for. */
  readonly begun: Promise<unknown>;
  readonly #sizeBytes: number;
  #file: string | undefined;
  #bytes = 0;
  #isWhole = false;
  #onBegun: () => void = () => undefined;
  #onGrown: (bytes: number) => void = () => undefined;

  constructor(sizeBytes: number, fetch: Fetch) {
    this.#sizeBytes = sizeBytes;
    const hasBytes = new Promise<void>((resolve) => {
      this.#onBegun = resolve;
    });
    this.whole = fetch((file, bytes) => this.#grow(file, bytes));
    const end = (): void => {
      this.#isWhole = true;
    };
    this.begun = Promise.race([hasBytes, this.whole.then(end, end)]);
  }

  /** The file of a blob that is not whole yet; undefined for one whose place is known. */
  get file(): ArrivingFile | undefined {
    const sizeBytes = this.#sizeBytes;
    return this.#isWhole || this.#file === undefined ? undefined : { file: this.#file, sizeBytes };
  }

  /** Tells how many bytes are in the file, now and when there are more. */
  follow(onGrown: (bytes: number) => void): void {
    this.#onGrown = onGrown;
    onGrown(this.#bytes);
  }

  #grow(file: string, bytes: number): void {
    this.#file = file;
    this.#bytes = bytes;
    this.#onBegun();
    this.#onGrown(bytes);
  }
}

/** What `work` makes of a blob that arrives, when both have succeeded. What is wrong with the blob is why the work failed; then it is ended. */
export async function whileArriving<T>(
  blob: ArrivingBlob,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  blob.whole.catch((error: unknown) => ending.abort(error));
  const [arrived, made] = await Promise.allSettled([blob.whole, work(AbortSignal.any([signal, ending.signal]))]);
  if (arrived.status === 'rejected') throw arrived.reason;
  if (made.status === 'rejected') throw made.reason;
  return made.value;
}
