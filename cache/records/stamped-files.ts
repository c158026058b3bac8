/** Enough of a stat to notice a change of a file. Node's BigIntStats is one. */
export interface FileStamp {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** The same in plain numbers, which are much faster to make. */
export interface StampParts {
  readonly size: number;
  readonly inoLow: number;
  readonly inoHigh: number;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly ctimeSeconds: number;
  readonly ctimeNanoseconds: number;
}

/** True when nothing tells that a file has changed between two looks at it. */
export function isSameStamp(a: FileStamp, b: FileStamp): boolean {
  return a.ctimeNs === b.ctimeNs && a.mtimeNs === b.mtimeNs && a.ino === b.ino && a.size === b.size && a.dev === b.dev;
}

/** The plain numbers of a stamp. */
export function partsOfStamp({ dev, ino, size, mtimeNs, ctimeNs }: FileStamp): StampParts {
  const { major: devMajor, minor: devMinor } = deviceParts(dev);
  const [mtimeSeconds, mtimeNanoseconds] = timeParts(mtimeNs);
  const [ctimeSeconds, ctimeNanoseconds] = timeParts(ctimeNs);
  const inode = { inoLow: Number(BigInt.asUintN(32, ino)), inoHigh: Number(BigInt.asUintN(32, ino >> 32n)) };
  return { size: Number(size), ...inode, devMajor, devMinor, mtimeSeconds, mtimeNanoseconds, ctimeSeconds, ctimeNanoseconds };
}

/** The kernel's 64-bit device number as the C library spells it. (makedev(3)) */
export function deviceParts(device: bigint): { readonly major: number; readonly minor: number } {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  return { major: Number(BigInt.asUintN(32, major)), minor: Number(BigInt.asUintN(32, minor)) };
}

/** Before 1970 the seconds are negative, and the nanoseconds still count upwards. */
function timeParts(timeNs: bigint): readonly [seconds: number, nanoseconds: number] {
  const nanoseconds = ((timeNs % billion) + billion) % billion;
  return [Number((timeNs - nanoseconds) / billion), Number(nanoseconds)];
}

const billion = 1_000_000_000n;

/** Words of 4 bytes in a stamp: size, inode, device, and two times of seconds and nanoseconds. */
export const stampWords = 12;
/** Words of a sha256. */
export const digestWords = 8;

/** Where things are in a row: a word that is the caller's, the stamp, the digest. */
const at = { mark: 0, stamp: 1, digest: 1 + stampWords } as const;
const rowWords = at.digest + digestWords;
const chunkBits = 10;
const chunkRows = 1 << chunkBits;

/**
 * Files with what tells that they have changed and the digests of their contents, in columns. A context has hundreds of thousands of them, and
 * an object for each takes ten times the memory. A row stays for good.
 */
export class StampedFiles {
  readonly #chunks: RowChunk[] = [];
  #count = 0;

  /** Adds a file; gives its row. */
  add(mark: number, parts: StampParts): number {
    const row = this.#count;
    if (row % chunkRows === 0) this.#chunks.push(new RowChunk());
    this.#count += 1;
    this.setMark(row, mark);
    this.setStamp(row, parts);
    return row;
  }

  /** Bits that only the caller knows the meaning of. */
  mark(row: number): number {
    return this.#word(row, at.mark);
  }

  setMark(row: number, mark: number): void {
    this.#chunkOf(row).words[wordOf(row)] = mark;
  }

  setStamp(row: number, parts: StampParts): void {
    putStamp(this.#chunkOf(row).words, wordOf(row) + at.stamp, parts);
  }

  /** A stamp that takes its numbers from here when they are asked for. */
  stamp(row: number): FileStamp {
    return new RowStamp(this.#chunkOf(row).words, wordOf(row) + at.stamp);
  }

  parts(row: number): StampParts {
    return partsAt(this.#chunkOf(row).words, wordOf(row) + at.stamp);
  }

  size(row: number): number {
    return this.#word(row, at.stamp) + this.#word(row, at.stamp + 1) * 2 ** 32;
  }

  /** Whole seconds since the epoch, rounded towards it. */
  mtime(row: number): number {
    const seconds = this.#word(row, at.stamp + 6) + (this.#word(row, at.stamp + 7) | 0) * 2 ** 32;
    return seconds < 0 && this.#word(row, at.stamp + 8) > 0 ? seconds + 1 : seconds;
  }

  /** The digest as it was set, in hex; zeros before. */
  digest(row: number): string {
    return digestText(this.#chunkOf(row).bytes, wordOf(row) + at.digest);
  }

  /** The same, as 64 ASCII characters of bytes. */
  putDigest(row: number, bytes: Uint8Array, start: number): void {
    const own = this.#chunkOf(row).bytes;
    const first = (wordOf(row) + at.digest) * 4;
    for (let offset = 0; offset < digestWords * 4; offset++) {
      const byte = own[first + offset] ?? 0;
      bytes[start + 2 * offset] = hexDigit(byte >> 4);
      bytes[start + 2 * offset + 1] = hexDigit(byte & 15);
    }
  }

  setDigest(row: number, hex: string): void {
    this.#chunkOf(row).bytes.write(hex, (wordOf(row) + at.digest) * 4, 'hex');
  }

  /** True when a stamp that is somewhere in words is that of the row. */
  isStampAt(row: number, words: Uint32Array, start: number): boolean {
    const own = this.#chunkOf(row).words;
    const first = wordOf(row) + at.stamp;
    for (let word = 0; word < stampWords; word++) if (own[first + word] !== words[start + word]) return false;
    return true;
  }

  /** Takes a digest that is somewhere in words. */
  takeDigest(row: number, words: Uint32Array, start: number): void {
    const own = this.#chunkOf(row).words;
    const first = wordOf(row) + at.digest;
    for (let word = 0; word < digestWords; word++) own[first + word] = words[start + word] ?? 0;
  }

  /** Puts the stamp of a row to a place in words, and the digest to another. */
  writeTo(row: number, words: Uint32Array, places: { readonly stamp: number; readonly digest: number }): void {
    const own = this.#chunkOf(row).words;
    const first = wordOf(row);
    words.set(own.subarray(first + at.stamp, first + at.stamp + stampWords), places.stamp);
    words.set(own.subarray(first + at.digest, first + at.digest + digestWords), places.digest);
  }

  #word(row: number, offset: number): number {
    return this.#chunkOf(row).words[wordOf(row) + offset] ?? 0;
  }

  #chunkOf(row: number): RowChunk {
    const chunk = this.#chunks[row >>> chunkBits];
    if (chunk === undefined) throw new RangeError(`Cannot find row ${row} of ${this.#count}`);
    return chunk;
  }
}

/** Rows that lie together, as words and as bytes. */
class RowChunk {
  readonly words = new Uint32Array(chunkRows * rowWords);
  readonly bytes: Buffer = Buffer.from(this.words.buffer);
}

/** The character of a digit. */
function hexDigit(value: number): number {
  return value + (value < 10 ? 0x30 : 0x57);
}

function wordOf(row: number): number {
  return (row & (chunkRows - 1)) * rowWords;
}

/** The words of a stamp. */
export function putStamp(words: Uint32Array, start: number, parts: StampParts): void {
  words[start] = parts.size;
  words[start + 1] = Math.floor(parts.size / 2 ** 32);
  words[start + 2] = parts.inoLow;
  words[start + 3] = parts.inoHigh;
  words[start + 4] = parts.devMajor;
  words[start + 5] = parts.devMinor;
  words[start + 6] = parts.mtimeSeconds;
  words[start + 7] = Math.floor(parts.mtimeSeconds / 2 ** 32);
  words[start + 8] = parts.mtimeNanoseconds;
  words[start + 9] = parts.ctimeSeconds;
  words[start + 10] = Math.floor(parts.ctimeSeconds / 2 ** 32);
  words[start + 11] = parts.ctimeNanoseconds;
}

function partsAt(words: Uint32Array, start: number): StampParts {
  const word = (offset: number): number => words[start + offset] ?? 0;
  return {
    size: word(0) + word(1) * 2 ** 32,
    inoLow: word(2),
    inoHigh: word(3),
    devMajor: word(4),
    devMinor: word(5),
    mtimeSeconds: word(6) + (word(7) | 0) * 2 ** 32,
    mtimeNanoseconds: word(8),
    ctimeSeconds: word(9) + (word(10) | 0) * 2 ** 32,
    ctimeNanoseconds: word(11),
  };
}

/** A digest that is at a word of some bytes, in hex. */
export function digestText(bytes: Buffer, word: number): string {
  return bytes.toString('hex', word * 4, (word + digestWords) * 4);
}

/** A stamp whose bigints are made when somebody asks. */
class RowStamp implements FileStamp {
  readonly #words: Uint32Array;
  readonly #start: number;

  constructor(words: Uint32Array, start: number) {
    this.#words = words;
    this.#start = start;
  }

  get size(): bigint {
    return this.#pair(0);
  }

  get ino(): bigint {
    return this.#pair(2);
  }

  /** As makedev(3) puts the two numbers together. */
  get dev(): bigint {
    const [major, minor] = [BigInt(this.#word(4)), BigInt(this.#word(5))];
    return ((major & 0xfffff000n) << 32n) | ((major & 0xfffn) << 8n) | ((minor & 0xffffff00n) << 12n) | (minor & 0xffn);
  }

  get mtimeNs(): bigint {
    return this.#time(6);
  }

  get ctimeNs(): bigint {
    return this.#time(9);
  }

  #time(word: number): bigint {
    return BigInt.asIntN(64, this.#pair(word)) * billion + BigInt(this.#word(word + 2));
  }

  #pair(word: number): bigint {
    return BigInt(this.#word(word)) + (BigInt(this.#word(word + 1)) << 32n);
  }

  #word(word: number): number {
    return this.#words[this.#start + word] ?? 0;
  }
}
