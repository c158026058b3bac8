import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { algorithmOf, type Digest, digestFromHex } from '../../registry/oci/digest.ts';
import { AppendedFile } from '../files/appended-file.ts';
import { digestMismatch, orStoreError, sizeMismatch } from '../files/errors.ts';
import { fileMode, renameOver } from '../files/store-files.ts';

/** What is to be written, and where it comes from (for messages). */
export interface ExpectedBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly source: string;
}

/** Called with the file that a blob is written to, and how many bytes are in it. They are not verified. */
export type OnGrown = (file: string, bytes: number) => void;

/** A blob on its way into the store: hashed and counted as it is written, and gone unless it was finished. */
export class BlobWriter implements AsyncDisposable {
  readonly #expected: ExpectedBlob;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #content: AppendedFile;
  readonly #hash: Hash;
  #written = 0;

  private constructor(
    expected: ExpectedBlob,
    path: string,
    { file, onGrown }: { file: FileHandle; onGrown: OnGrown | undefined },
  ) {
    this.#expected = expected;
    this.#hash = createHash(algorithmOf(expected.digest));
    this.#path = path;
    this.#file = file;
    this.#content = new AppendedFile(file, (bytes) => onGrown?.(path, bytes));
  }

  static async create(expected: ExpectedBlob, temporary: string, onGrown?: OnGrown): Promise<BlobWriter> {
    const file = await orStoreError(() => open(temporary, 'wx', fileMode), `store blob ${expected.digest}`, temporary);
    return new BlobWriter(expected, temporary, { file, onGrown });
  }

  /** Bytes so far. */
  get written(): number {
    return this.#written;
  }

  /**
   * Takes bytes, which must stay as they are until `finish` has resolved. Fails as soon as there is more than was announced, so that a source
   * cannot fill the disk.
   */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#written + bytes.length > this.#expected.size) throw this.#sizeMismatch('more');
    this.#hash.update(bytes);
    this.#written += bytes.length;
    await this.#orFail(() => this.#content.append(bytes));
  }

  /** Checks size and digest, makes the bytes durable and gives them their final name. */
  async finish(target: string): Promise<void> {
    if (this.#written !== this.#expected.size) throw this.#sizeMismatch(String(this.#written));
    const found = digestFromHex(this.#hash.digest('hex'), algorithmOf(this.#expected.digest));
    if (found !== this.#expected.digest) {
      throw digestMismatch(this.#expected.digest, found, { source: this.#expected.source, path: target });
    }
    await this.#orFail(async () => {
      await this.#content.flush();
      await this.#file.datasync();
      await renameOver(this.#path, target);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#content.settle();
    await this.#file.close();
    await rm(this.#path, { force: true });
  }

  #sizeMismatch(found: string): Error {
    const { digest, size, source } = this.#expected;
    return sizeMismatch(digest, { expected: size, found }, { source, path: this.#path });
  }

  #orFail<T>(operation: () => Promise<T>): Promise<T> {
    return orStoreError(operation, `store blob ${this.#expected.digest}`, this.#path);
  }
}
