import { trimEnd } from '../text/trim-end.ts';
import { field } from './block.ts';

type Field = readonly [offset: number, length: number];

/**
 * Fills a header block field by field; what is not put is zero. The checksum is added up on the way, since most of a block is zeros and
 * layers have tens of thousands of them.
 */
export class HeaderBlock {
  readonly #bytes: Buffer;
  readonly #start: number;
  #sum: number;

  /** The block is the 512 bytes of `bytes` from `start`: zeros, or what another block had put when its sum was `sum`. */
  constructor(bytes: Buffer, start: number, sum: number = spacesOfChecksum) {
    this.#bytes = bytes;
    this.#start = start;
    this.#sum = sum;
  }

  /** What the bytes add up to so far. */
  get sum(): number {
    return this.#sum;
  }

  /** One character is one byte. Those that are not ASCII are left out, and what is too long is cut. */
  text([offset, length]: Field, text: string): void {
    const ascii = asciiOf(text);
    this.plainText([offset, length], ascii.length > length ? ascii.slice(0, length) : ascii);
    if (ascii.length > length && ascii[length - 1] === '/') {
      // Readers that look only here must not take a file whose cut name ends in a slash for a folder.
      const end = trimEnd(ascii.slice(0, length - 1), '/').length;
      this.#bytes[this.#start + offset + end] = 0;
      this.#sum -= slash;
    }
  }

  /** Text that fits and has nothing but ASCII in it: fitsText() tells. */
  plainText([offset]: Field, text: string): void {
    const first = this.#start + offset;
    for (let at = 0; at < text.length; at += 1) {
      const byte = text.charCodeAt(at);
      this.#bytes[first + at] = byte;
      this.#sum += byte;
    }
  }

  /** Octal digits and a NUL. Zero stands for a number that does not fit; its PAX record has the value. */
  octal([offset, length]: Field, number: number): void {
    let rest = fitsOctal(number, length) ? number : 0;
    const first = this.#start + offset;
    for (let at = first + length - 2; at >= first; at -= 1) {
      // Sizes and times may have more than the 32 bits of a shift.
      const higher = Math.floor(rest / 8);
      const digit = zeroDigit + rest - higher * 8;
      this.#bytes[at] = digit;
      this.#sum += digit;
      rest = higher;
    }
  }

  /** Puts what tells that it is a header. */
  mark(): void {
    this.plainText(field.magic, magic);
  }

  /** Puts the checksum. Nothing may be put after it. */
  seal(): void {
    // Six digits, a NUL and a space, for historical reasons.
    const [offset, length] = field.checksum;
    this.octal([offset, length - 1], this.#sum);
    this.#bytes[this.#start + offset + length - 1] = space;
  }
}

/** True for text that a field of a length holds. */
export function fitsText(text: string, length: number): boolean {
  return text.length <= length && isAscii(text);
}

/** True for a number that a field of a length holds. */
export function fitsOctal(number: number, length: number): boolean {
  return number >= 0 && number < (octalLimits[length] ?? 0);
}

/** NUL does not count as ASCII, as in Go. */
export function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0 || code > 0x7f) return false;
  }
  return true;
}

/** The ASCII characters of a text. */
export function asciiOf(text: string): string {
  if (isAscii(text)) return text;
  const kept = Buffer.from(text, 'latin1').filter((byte) => byte > 0 && byte < 0x80);
  return Buffer.from(kept).toString('latin1');
}

const magic = 'ustar\u000000';
const zeroDigit = 0x30;
const slash = 0x2f;
const space = 0x20;
/** A checksum is made with spaces in its place. */
const spacesOfChecksum = field.checksum[1] * space;

/** The first number that a field of a length cannot hold, its final NUL left out. */
const octalLimits = Array.from({ length: 13 }, (_, length) => 8 ** (length - 1));
