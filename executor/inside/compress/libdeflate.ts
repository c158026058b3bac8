import { libdeflateProgram } from './libdeflate-program.ts';

/** What the program exports, under the names that its linker gave them. */
interface Exports {
  /** The memory. */
  readonly c: { readonly buffer: ArrayBuffer; readonly grow: (pages: number) => number };
  /** Constructors of its C library. */
  readonly d: () => void;
  /** libdeflate_alloc_compressor() */
  readonly e: (level: number) => number;
  /** libdeflate_deflate_compress(): 0 when the output does not suffice. */
  readonly f: (
    ...options: readonly [compressor: number, input: number, inputBytes: number, output: number, outputBytes: number]
  ) => number;
  /** libdeflate_deflate_compress_bound() */
  readonly h: (compressor: number, inputBytes: number) => number;
  /** malloc() */
  readonly n: (bytes: number) => number;
  /** free() */
  readonly o: (address: number) => void;
}

/** What the program asks for. */
interface Imports {
  /** emscripten_resize_heap() */
  readonly a: (bytes: number) => number;
  /** emscripten_memcpy_big() */
  readonly b: (to: number, from: number, bytes: number) => void;
}

/** The part that is used of a global that the types of Node leave to those of browsers. */
declare const WebAssembly: {
  readonly Module: new (program: Uint8Array) => object;
  readonly Instance: new (module: object, imports: { readonly a: Imports }) => { readonly exports: Exports };
};

const pageBytes = 1 << 16;

/** libdeflate in a memory of its own, which grows with the longest input and is free when nothing holds it. */
export class Libdeflate {
  readonly #exports = start();
  readonly #compressors = new Map<number, number>();
  #place: Buffers = { input: 0, output: 0, inputBytes: 0, outputBytes: 0 };

  /** A raw deflate stream (RFC 1951). It is memory of the program and holds until the next call. Levels are 0 (stored) to 12. */
  deflate(input: Uint8Array, level: number): Uint8Array {
    const compressor = this.#compressorOf(level);
    const { input: from, output: to, outputBytes } = this.#placeFor(input.length, compressor);
    new Uint8Array(this.#exports.c.buffer).set(input, from);
    const length = this.#exports.f(compressor, from, input.length, to, outputBytes);
    if (length === 0) throw new Error('Cannot compress: the place for the output is too small');
    return new Uint8Array(this.#exports.c.buffer, to, length);
  }

  #compressorOf(level: number): number {
    const known = this.#compressors.get(level);
    if (known !== undefined) return known;
    const compressor = allocated(this.#exports.e(level));
    this.#compressors.set(level, compressor);
    return compressor;
  }

  #placeFor(inputBytes: number, compressor: number): Buffers {
    const { h: boundOf, n: allocate, o: free } = this.#exports;
    const outputBytes = boundOf(compressor, inputBytes);
    const old = this.#place;
    if (inputBytes <= old.inputBytes && outputBytes <= old.outputBytes) return old;
    free(old.input);
    free(old.output);
    this.#place = { input: allocated(allocate(inputBytes)), output: allocated(allocate(outputBytes)), inputBytes, outputBytes };
    return this.#place;
  }
}

/** Starts the program. Its memory grows when malloc() asks for that, and never shrinks. */
function start(): Exports {
  const { exports }: { readonly exports: Exports } = new WebAssembly.Instance(
    new WebAssembly.Module(Buffer.from(libdeflateProgram, 'base64')),
    {
      a: {
        a: (bytes) => grow(exports, bytes),
        b: (to, from, bytes) => void new Uint8Array(exports.c.buffer).copyWithin(to, from, from + bytes),
      },
    },
  );
  exports.d();
  return exports;
}

function grow({ c: memory }: Exports, bytes: number): number {
  try {
    // The program passes sizes as signed numbers.
    memory.grow(Math.ceil(((bytes >>> 0) - memory.buffer.byteLength) / pageBytes));
    return 1;
  } catch {
    return 0;
  }
}

/** Where the program finds what to compress, and puts the result. */
interface Buffers {
  readonly input: number;
  readonly output: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

function allocated(address: number): number {
  if (address === 0) throw new RangeError('Cannot compress: there is no memory for it');
  return address;
}
