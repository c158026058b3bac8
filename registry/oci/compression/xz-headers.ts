/** How many bytes of a file hold the headers of its first stream (12) and of its first block (1024), at most. */
export const xzHeaderBytes = 1036;

/** What xz-embedded has memory for here; it is what `xz -9` uses. */
const largestDictionary = 64 << 20;

/**
 * What the first headers of an xz file ask for that xz-embedded does not have, in words; undefined when there is no such thing, or when
 * the headers cannot be read. (The .xz File Format 1.2.1, sections 2.1.1, 3.1 and 5.3)
 */
export function beyondXzEmbedded(head: Uint8Array): string | undefined {
  const check = (head[7] ?? 0) & 0x0f;
  if (![0x00, 0x01, 0x04].includes(check)) return check === 0x0a ? 'its check is SHA-256' : `its check is of kind ${check}`;
  for (const { id, properties } of firstFilters(head)) {
    if (id !== lzma2) return `it has the filter ${filterNames.get(id) ?? id}`;
    const bytes = dictionaryBytes(properties[0] ?? 0);
    if (bytes > largestDictionary) return `its dictionary has ${bytes / (1 << 20)} MiB`;
  }
  return undefined;
}

const lzma2 = 0x21;

const filterNames: ReadonlyMap<number, string> = new Map([
  [0x03, '"delta"'],
  [0x04, '"x86"'],
  [0x05, '"powerpc"'],
  [0x06, '"ia64"'],
  [0x07, '"arm"'],
  [0x08, '"armthumb"'],
  [0x09, '"sparc"'],
  [0x0a, '"arm64"'],
  [0x0b, '"riscv"'],
]);

interface Filter {
  readonly id: number;
  readonly properties: Uint8Array;
}

/** The filters of the first block, which follows the twelve bytes of the stream's header. None when the stream is empty. */
function firstFilters(head: Uint8Array): readonly Filter[] {
  const headerBytes = ((head[12] ?? 0) + 1) * 4;
  if (headerBytes === 4) return [];
  const fields = new Fields(head.subarray(13, 12 + headerBytes));
  const flags = fields.byte();
  // The sizes of the block before and after decompression.
  if ((flags & 0x40) !== 0) fields.number();
  if ((flags & 0x80) !== 0) fields.number();
  return Array.from({ length: (flags & 0x03) + 1 }, () => ({ id: fields.number(), properties: fields.bytes(fields.number()) }));
}

/** Bytes that are missing read as zeros: what is no header is told by whoever decodes it. */
class Fields {
  readonly #all: Uint8Array;
  #at = 0;

  constructor(all: Uint8Array) {
    this.#all = all;
  }

  byte(): number {
    this.#at += 1;
    return this.#all[this.#at - 1] ?? 0;
  }

  /** Seven bits a byte, the lowest first, nine bytes at most. */
  number(): number {
    let value = 0;
    for (let digit = 0; digit < 9; digit += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** (7 * digit);
      if ((byte & 0x80) === 0) break;
    }
    return value;
  }

  bytes(length: number): Uint8Array {
    this.#at += length;
    return this.#all.subarray(this.#at - length, this.#at);
  }
}

/** Two or three times a power of two, from 4 KiB on; 40 stands for 4 GiB less a byte. */
function dictionaryBytes(bits: number): number {
  return (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11);
}
