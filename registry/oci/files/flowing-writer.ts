import type { FileHandle } from 'node:fs/promises';

/** The part of a FileHandle that is used. */
type WrittenFile = Pick<FileHandle, 'datasync' | 'sync'> & { writeFile(chunk: Uint8Array): Promise<void> };

/** How much is written before the disk is told to begin. */
const syncedBytes = 1 << 25;

/** Writes chunks to a file while the next ones are made, and has the disk begin early: at the end little is left to wait for. */
export class FlowingWriter implements AsyncDisposable {
  readonly #file: WrittenFile;
  #writing: Promise<void> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #unsynced = 0;

  constructor(file: WrittenFile) {
    this.#file = file;
  }

  /** Begins to write a chunk when the one before it is written. @throws what went wrong with that */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#writing;
    this.#writing = this.#file.writeFile(chunk);
    this.#writing.catch(() => undefined); // seen with the next chunk, or at the end
    this.#unsynced += chunk.length;
    if (this.#unsynced >= syncedBytes && this.#syncing === undefined) this.#startSync();
  }

  /** Settles when the memory of the last chunk is no longer needed. */
  async written(): Promise<void> {
    await this.#writing;
  }

  /** Settles when everything is on the disk. */
  async finish(): Promise<void> {
    await this.#writing;
    await this.#syncing;
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#file.sync();
  }

  /** Settles when the file is left alone. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#writing, this.#syncing]);
  }

  /** What was not written is told once for each descriptor: the sync at the end would not say it again. (fsync(2)) */
  #startSync(): void {
    this.#unsynced = 0;
    this.#syncing = this.#file
      .datasync()
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        this.#syncing = undefined;
      });
  }
}
