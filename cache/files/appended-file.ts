import type { FileHandle } from 'node:fs/promises';

/** How much is written at once. Each write is a journey to another thread and back, which 64 KiB do not pay for. */
const batchBytes = 1 << 20;

type Target = Pick<FileHandle, 'writev'>;

/**
 * Appends to a file while more bytes arrive: many chunks with one call, one call under way at a time. A failure to write is thrown by one of
 * the next calls.
 */
export class AppendedFile {
  readonly #file: Target;
  readonly #onWritten: (bytes: number) => void;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #position = 0;
  #writing: Promise<void> = Promise.resolve();

  /** The file is the caller's, and is at its beginning. `onWritten` is told how many bytes are in it. */
  constructor(file: Target, onWritten: (bytes: number) => void = () => undefined) {
    this.#file = file;
    this.#onWritten = onWritten;
  }

  /** Takes bytes, which must stay as they are until `flush` has resolved. */
  async append(bytes: Uint8Array): Promise<void> {
    this.#batch.push(bytes);
    this.#batchBytes += bytes.length;
    if (this.#batchBytes >= batchBytes) await this.#startWriting();
  }

  /** Resolves when everything is in the file. */
  async flush(): Promise<void> {
    await this.#startWriting();
    await this.#writing;
  }

  /** Waits for the write under way, whatever becomes of it; afterwards the file can be closed. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }

  async #startWriting(): Promise<void> {
    await this.#writing;
    this.#writing = this.#writeFully(this.#batch, this.#position);
    // It may fail before anybody waits for it.
    this.#writing.catch(() => undefined);
    this.#position += this.#batchBytes;
    this.#batch = [];
    this.#batchBytes = 0;
  }

  async #writeFully(batch: readonly Uint8Array[], start: number): Promise<void> {
    let position = start;
    for (let rest = batch; rest.length > 0; ) {
      const { bytesWritten } = await this.#file.writev(rest, position);
      position += bytesWritten;
      this.#onWritten(position);
      rest = after(rest, bytesWritten);
    }
  }
}

/** What is left of chunks without their first bytes. */
function after(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  return chunks.flatMap((chunk) => {
    const part = chunk.subarray(Math.min(left, chunk.length));
    left -= chunk.length - part.length;
    return part.length === 0 ? [] : [part];
  });
}
