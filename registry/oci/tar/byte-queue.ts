import { TarError } from './tar-error.ts';

/** Takes exact numbers of bytes from a stream of chunks, copying only where a wanted piece spans two chunks. */
export class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  #position = 0;
  #pulled = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** How many bytes have been taken. */
  get taken(): number {
    return this.#pulled - (this.#chunk.length - this.#position);
  }

  /** The next `length` bytes if they are at hand; they stay in the queue. */
  peek(length: number): Buffer | undefined {
    const end = this.#position + length;
    return end <= this.#chunk.length ? this.#chunk.subarray(this.#position, end) : undefined;
  }

  /** The next `length` bytes, or all that are left; they stay in the queue. */
  async ahead(length: number): Promise<Buffer> {
    let found = this.#chunk.subarray(this.#position);
    while (found.length < length && (await this.#pull())) {
      found = found.length === 0 ? this.#chunk : Buffer.concat([found, this.#chunk]);
    }
    this.#chunk = found;
    this.#position = 0;
    return found.subarray(0, length);
  }

  /** The next `length` bytes if they are at hand in one piece. */
  takeAtHand(length: number): Buffer | undefined {
    const bytes = this.peek(length);
    if (bytes !== undefined) this.#position += length;
    return bytes;
  }

  /** The next `length` bytes; undefined when the source has ended. @throws when it ends among them: `what` names them */
  async take(length: number, what: string): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const piece = await this.takeSome(missing);
      if (piece === undefined) {
        if (missing === length) return undefined;
        throw truncated(missing, what);
      }
      pieces.push(piece);
      missing -= piece.length;
    }
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, length);
  }

  /** At least one and at most `limit` bytes; undefined when the source has ended. */
  async takeSome(limit: number): Promise<Buffer | undefined> {
    if (this.#position === this.#chunk.length && !(await this.#pull())) return undefined;
    const end = Math.min(this.#position + limit, this.#chunk.length);
    const bytes = this.#chunk.subarray(this.#position, end);
    this.#position = end;
    return bytes;
  }

  /** Throws away `length` bytes. */
  async skip(length: number, what: string): Promise<void> {
    let missing = length;
    while (missing > 0) {
      const piece = this.takeAtHand(Math.min(missing, this.#chunk.length - this.#position));
      missing -= piece?.length ?? 0;
      if (missing > 0 && !(await this.#pull())) throw truncated(missing, what);
    }
  }

  /** Reads the source to its end, so that whoever hashes it has seen all of it. */
  async drain(): Promise<void> {
    while (await this.#pull()) {
      // Nothing is kept.
    }
  }

  /** Tells the source that no more is wanted. */
  async cancel(): Promise<void> {
    await this.#source.return?.();
  }

  async #pull(): Promise<boolean> {
    for (;;) {
      const next = await this.#source.next();
      if (next.done === true) {
        this.#chunk = Buffer.alloc(0);
        this.#position = 0;
        return false;
      }
      if (next.value.length > 0) {
        this.#chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
        this.#position = 0;
        this.#pulled += this.#chunk.length;
        return true;
      }
    }
  }
}

function truncated(missing: number, what: string): TarError {
  return new TarError('truncated', `it ends ${missing} bytes too early, in ${what}`);
}
