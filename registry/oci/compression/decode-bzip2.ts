// @ts-expect-error: the package has no types
import untyped from 'seek-bzip';
import { DecompressError } from './decompress-error.ts';

interface Bunzip {
  /** One stream. Given an input that knows its end it would take a stream that ends between two blocks for a whole one. */
  decode(input: ByteInput, output: ByteOutput): void;
}

const bunzip: Bunzip = untyped;

/** Any number of streams; CRCs are checked, and a block has 900 kB at most. @throws DecompressError */
export function decodeBzip2(input: Iterable<Uint8Array>, emit: (bytes: Uint8Array<ArrayBuffer>) => void): void {
  const bytes = new ByteInput(input);
  const output = new ByteOutput(emit);
  try {
    while (!bytes.isAtEnd()) bunzip.decode(bytes, output);
  } catch (error) {
    // Everything that is thrown by the decoder follows from its input.
    throw error instanceof DecompressError ? error : new DecompressError('damaged', 'it is damaged');
  }
  output.flush();
}

class ByteInput {
  readonly #chunks: Iterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  #at = 0;

  constructor(chunks: Iterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  readByte(): number {
    if (this.isAtEnd()) throw new DecompressError('damaged', 'it ends too early');
    const byte = this.#chunk[this.#at] ?? 0;
    this.#at += 1;
    return byte;
  }

  /** The magic number of a stream. */
  read(target: Uint8Array, offset: number, length: number): number {
    for (let index = 0; index < length; index += 1) target[offset + index] = this.readByte();
    return length;
  }

  isAtEnd(): boolean {
    while (this.#at === this.#chunk.length) {
      const next = this.#chunks.next();
      if (next.done === true) return true;
      this.#chunk = next.value;
      this.#at = 0;
    }
    return false;
  }
}

const outputBytes = 1 << 17;

class ByteOutput {
  readonly #emit: (bytes: Uint8Array<ArrayBuffer>) => void;
  #chunk = new Uint8Array(outputBytes);
  #length = 0;

  constructor(emit: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#emit = emit;
  }

  writeByte(byte: number): void {
    if (this.#length === outputBytes) this.flush();
    this.#chunk[this.#length] = byte;
    this.#length += 1;
  }

  flush(): void {
    if (this.#length === 0) return;
    this.#emit(this.#chunk.slice(0, this.#length));
    this.#length = 0;
  }
}
