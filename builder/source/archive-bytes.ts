import { spawn } from 'node:child_process';
import { pipeline, Readable, type Transform } from 'node:stream';
import zlib from 'node:zlib';
import { growthHint, isOutOfProportion } from '../../registry/oci/tar/growth.ts';
import { SourceError } from '../context/errors.ts';

const magics: readonly (readonly [program: string, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

/** A stream, and its first bytes. */
export interface SniffedStream {
  /** At most `length` bytes, fewer when there are no more. */
  readonly head: Buffer;
  /** All of it, the head included. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Reads the first bytes of a stream without losing them. */
export async function sniff(source: AsyncIterable<Uint8Array>, length: number): Promise<SniffedStream> {
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < length) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return { head: head.subarray(0, length), bytes: joined(head, iterator) };
}

async function* joined(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/**
 * The bytes of an archive, decompressed if they begin like gzip, bzip2, xz or zstd. Throws SourceError 'archive' for damaged data, for what
 * grows out of all proportion, and where a program is missing. `name` is for messages.
 */
export async function* decompressed({ head, bytes }: SniffedStream, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  const program = magics.find(([, magic]) => magic.every((byte, index) => head[index] === byte))?.[0];
  if (program === undefined) {
    yield* bytes;
    return;
  }
  const taken = { bytes: 0 };
  const source = Readable.from(counted(bytes, taken), { objectMode: false });
  let total = 0;
  for await (const chunk of throughDecompressor(source, program, name)) {
    total += chunk.length;
    if (isOutOfProportion(total, taken.bytes))
      throw archiveError(name, `its ${taken.bytes} bytes become more than ${total}`, growthHint);
    yield chunk;
  }
}

async function* counted(bytes: AsyncIterable<Uint8Array>, taken: { bytes: number }): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of bytes) {
    taken.bytes += chunk.length;
    yield chunk;
  }
}

function throughDecompressor(source: Readable, program: string, name: string): AsyncIterable<Uint8Array> {
  const transform = program === 'gzip' ? zlib.createGunzip() : program === 'zstd' ? nodeZstd() : undefined;
  return transform === undefined ? throughProgram(source, program, name) : throughTransform(source, transform, name);
}

/** Node has zstd from 22.15 on. */
function nodeZstd(): Transform | undefined {
  const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
  return isTransformFactory(create) ? create() : undefined;
}

function isTransformFactory(value: unknown): value is () => Transform {
  return typeof value === 'function';
}

async function* throughTransform(
  source: Readable,
  transform: Transform,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  // The error of either stream ends the iteration below, so nothing is lost here.
  pipeline(source, transform, () => undefined);
  try {
    yield* chunksOf(transform);
  } catch (error) {
    throw isDataError(error) ? archiveError(name, `it is damaged (${error.message})`) : error;
  }
}

function isDataError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(Z_|ZSTD_)/.test(error.code);
}

/** Feeds a program such as `xz -dc`, which reads nothing but its input and writes nothing but its output. */
async function* throughProgram(source: Readable, program: string, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<SourceError | undefined>((resolve) => {
    child.once('error', () =>
      resolve(
        archiveError(
          name,
          `it is compressed with ${program}, and there is no program "${program}"`,
          `Install ${program}, or use gzip`,
        ),
      ),
    );
    child.once('close', (code) => resolve(code === 0 ? undefined : archiveError(name, 'it is damaged')));
  });
  let sourceError: Error | undefined;
  source.once('error', (error) => {
    sourceError = error;
  });
  pipeline(source, child.stdin, () => undefined);
  try {
    yield* chunksOf(child.stdout);
    const failure = sourceError ?? (await ended);
    if (failure !== undefined) throw failure;
  } finally {
    child.kill('SIGKILL');
    source.destroy();
    await ended;
  }
}

async function* chunksOf(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) if (chunk instanceof Uint8Array) yield chunk;
}

/** An archive that cannot be used. */
export function archiveError(name: string, why: string, hint?: string): SourceError {
  return new SourceError('archive', `Cannot unpack ${name}: ${why}`, { hint });
}
