/** Keeps the last bytes of a command's output, for the message when it fails. */
export class OutputTail {
  readonly #limitBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #keptBytes = 0;

  constructor(limitBytes: number = 8 * 1024) {
    this.#limitBytes = limitBytes;
  }

  push(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#keptBytes += bytes.length;
    let [oldest] = this.#chunks;
    while (oldest !== undefined && this.#keptBytes - oldest.length >= this.#limitBytes) {
      this.#chunks.shift();
      this.#keptBytes -= oldest.length;
      [oldest] = this.#chunks;
    }
  }

  /** The kept bytes, cut to the limit. */
  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks).subarray(-this.#limitBytes);
  }
}
