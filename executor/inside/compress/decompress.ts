import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, type Readable, type Transform } from 'node:stream';
import zlib from 'node:zlib';
import { Refusal } from '../failure.ts';

/** How a file is compressed, told by its first bytes. */
export type Compression = 'none' | 'gzip' | 'bzip2' | 'xz' | 'zstd';

const magics: readonly (readonly [compression: Compression, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

/** The compression of a file that begins with these bytes; six are enough. */
export function compressionOf(start: Uint8Array): Compression {
  const found = magics.find(([, bytes]) => bytes.every((byte, index) => start[index] === byte));
  // Frames that zstd readers skip may come first; their magic numbers differ in the last four bits.
  const isSkippable = ((start[0] ?? 0) & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18;
  return found?.[0] ?? (isSkippable ? 'zstd' : 'none');
}

const chunkBytes = 1 << 18;

/**
 * The decompressed bytes of a file, whatever it is compressed with. Refuses compressions that this machine has no means for, damaged
 * files, and files that grow out of all proportion.
 */
export async function* decompressFile(file: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const { compression, sizeBytes } = await inspect(file);
  const chunks = decompressed({ file, sizeBytes, signal }, compression);
  if (compression === 'none') {
    yield* chunks;
  } else {
    yield* limited(chunks, sizeBytes);
  }
}

async function inspect(file: string): Promise<{ readonly compression: Compression; readonly sizeBytes: number }> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(6), 0, 6, 0);
  return { compression: compressionOf(buffer.subarray(0, bytesRead)), sizeBytes: (await handle.stat()).size };
}

interface CompressedFile {
  readonly file: string;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
}

function decompressed(compressed: CompressedFile, compression: Compression): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'none':
      return bytesOf(readFrom(compressed, 0));
    case 'gzip':
      return throughTransform(readFrom(compressed, 0), zlib.createGunzip({ chunkSize: chunkBytes }));
    case 'zstd':
      return nodeZstd() === undefined ? throughProgram(readFrom(compressed, 0), 'zstd') : zstdFrames(compressed);
    case 'bzip2':
    case 'xz':
      return throughProgram(readFrom(compressed, 0), compression);
    default:
      return compression;
  }
}

function readFrom({ file, signal }: CompressedFile, start: number): Readable {
  return createReadStream(file, { start, highWaterMark: 1 << 20, signal });
}

/**
 * Node's zstd stream ends with its first frame and drops what follows in the same chunk, but a layer may be any number of frames
 * (RFC 8878, section 3). It does say how far it read, so the next frame begins there.
 */
async function* zstdFrames(compressed: CompressedFile): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = 0; offset < compressed.sizeBytes; ) {
    const transform = nodeZstd();
    if (transform === undefined) return;
    yield* throughTransform(readFrom(compressed, offset), transform);
    if (transform.bytesWritten === 0) return;
    offset += transform.bytesWritten;
  }
}

/** `bytesWritten` counts the input that was taken in. */
type ZstdTransform = Transform & { readonly bytesWritten: number };

/** Node has zstd from 22.15 on. */
function nodeZstd(): ZstdTransform | undefined {
  const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
  return isTransformFactory(create) ? create({ chunkSize: chunkBytes }) : undefined;
}

function isTransformFactory(value: unknown): value is (options: { readonly chunkSize: number }) => ZstdTransform {
  return typeof value === 'function';
}

async function* throughTransform(source: Readable, transform: Transform): AsyncGenerator<Uint8Array, void, undefined> {
  // The error of either stream ends the iteration below, so nothing is lost here.
  pipeline(source, transform, () => undefined);
  try {
    yield* bytesOf(transform);
  } catch (error) {
    throw isDataError(error) ? new Refusal('archive-invalid', `Cannot decompress the archive: ${error.message}`) : error;
  }
}

async function* bytesOf(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) {
    if (chunk instanceof Uint8Array) {
      yield chunk;
    }
  }
}

function isDataError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(Z_|ZSTD_)/.test(error.code);
}

/** Feeds a program such as `xz -dc`, which reads nothing but its input and writes nothing but its output. */
async function* throughProgram(source: Readable, program: string): AsyncGenerator<Uint8Array, void, undefined> {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = endOf(child, program);
  // A program that stops early closes its input; why it stopped is told by its end.
  pipeline(source, child.stdin, () => undefined);
  try {
    yield* bytesOf(child.stdout);
    await ended;
  } finally {
    child.kill('SIGKILL');
    source.destroy();
    await ended.catch(() => undefined);
  }
}

async function endOf(child: ChildProcess, program: string): Promise<void> {
  let messages = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    messages = `${messages}${text}`.slice(0, 1000);
  });
  const failure = await new Promise<Refusal | undefined>((resolve) => {
    child.once('error', () => resolve(missingProgram(program)));
    child.once('close', (code) => resolve(code === 0 ? undefined : damaged(messages.trim())));
  });
  if (failure !== undefined) {
    throw failure;
  }
}

function missingProgram(program: string): Refusal {
  return new Refusal(
    'unsupported-compression',
    `Cannot decompress the archive: it is compressed with ${program}, and there is no program "${program}"`,
    program === 'zstd' ? 'Install zstd, or use Node.js 22.15 or later' : `Install ${program}, or compress the archive with gzip`,
  );
}

function damaged(messages: string): Refusal {
  return new Refusal('archive-invalid', `Cannot decompress the archive: ${messages === '' ? 'it is damaged' : messages}`);
}

/** Deflate reaches 1032 to 1; archives that hold anything stay far below. */
const maximumRatio = 1100;
/** What is always allowed. */
const freeBytes = 1 << 30;

async function* limited(chunks: AsyncIterable<Uint8Array>, sizeBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > freeBytes && total > sizeBytes * maximumRatio) {
      throw new Refusal('archive-too-large', `Cannot decompress the archive: its ${sizeBytes} bytes become more than ${total}`);
    }
    yield chunk;
  }
}
