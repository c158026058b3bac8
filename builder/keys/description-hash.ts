import { createHash } from 'node:crypto';
import type { CopyRun } from '../../executor/protocol/copy-list.ts';
import { digestLength } from '../../registry/oci/layer/layer-run.ts';

/** Much more than a path and what is said of it; longer text goes past it. */
const roomBytes = 1 << 15;
/** Enough for a file or two, which is all that most steps take. */
const firstRoomBytes = 1 << 10;

/**
 * The sha256 of what is said of files, as UTF-8. Of runs of files the bytes are put together by hand: a string for each of tens of thousands takes
 * several times as long as to hash them.
 */
export class DescriptionHash {
  readonly #hash = createHash('sha256');
  #bytes = Buffer.allocUnsafe(firstRoomBytes);
  #used = 0;

  add(text: string): void {
    // UTF-8 has at most three bytes for what is one in a string.
    if (text.length * 3 > roomBytes) {
      this.#flush();
      this.#hash.update(text);
      return;
    }
    this.#reserve(text.length * 3);
    this.#used += this.#bytes.write(text, this.#used, 'utf8');
  }

  /** Says of each file its path, that it is one, its attributes and its digest; NULs keep them apart. */
  addRun(run: CopyRun, attributes: string): void {
    const folder = run.to === '' ? '' : `${run.to}/`;
    const middle = `\0file\0${attributes}\0`;
    const usual = folder.length * 2 + middle.length + digestLength + end.length;
    for (const [index, name] of run.names.entries()) {
      this.#reserve(usual + name.length * 2);
      const digestAt = put(this.#bytes, put(this.#bytes, put(this.#bytes, this.#used, folder), name), middle);
      run.putDigest(index, this.#bytes, digestAt);
      this.#used = put(this.#bytes, digestAt + digestLength, end);
    }
  }

  /** Hex. */
  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return;
    this.#flush();
    if (this.#bytes.length < roomBytes) this.#bytes = Buffer.allocUnsafe(roomBytes);
  }

  #flush(): void {
    this.#hash.update(this.#bytes.subarray(0, this.#used));
    this.#used = 0;
  }
}

const end = '\0\0\0';

/** Puts text of characters up to U+00FF, as in a RawPath; gives where it ends. */
function put(bytes: Uint8Array, start: number, text: string): number {
  let at = start;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) bytes[at++] = 0xc0 | (code >> 6);
    bytes[at++] = code < 0x80 ? code : 0x80 | (code & 0x3f);
  }
  return at;
}
