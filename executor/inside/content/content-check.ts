import { createHash, type Hash, hash } from 'node:crypto';

/** Parts of a piece of memory, each of which holds content of a file: all of it, or where a large file goes on. Columns, since there are many. */
export interface ContentParts {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  /** The sha256 of each whole content, hex, one behind the other; only for parts with which a content ends. */
  readonly digests: string;
  /** The last part has no digest: the content goes on with the first part of the next piece. */
  readonly isOpen: boolean;
}

const digestLength = 64;

/** Compares contents with what their digests should be. */
export class ContentCheck {
  #begun: Hash | undefined;

  /** False between two contents. */
  get isOpen(): boolean {
    return this.#begun !== undefined;
  }

  /** The index of the first part that ends a content with another digest; undefined when all of them are right. Pieces come in their order. */
  firstOther(memory: Readonly<Uint8Array>, { starts, sizes, digests, isOpen }: ContentParts): number | undefined {
    const last = starts.length - 1;
    for (const [index, start] of starts.entries()) {
      const bytes = new Uint8Array(memory.buffer, memory.byteOffset + start, sizes[index] ?? 0);
      if (isOpen && index === last) {
        this.#begun = (this.#begun ?? createHash('sha256')).update(bytes);
      } else if (this.#end(bytes) !== digests.slice(index * digestLength, (index + 1) * digestLength)) {
        return index;
      }
    }
    return undefined;
  }

  #end(bytes: Uint8Array): string {
    const begun = this.#begun;
    this.#begun = undefined;
    return begun === undefined ? hash('sha256', bytes, 'hex') : begun.update(bytes).digest('hex');
  }
}
