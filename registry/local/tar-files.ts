import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { RegistryError } from '../errors/registry-error.ts';
import { type Compression, compressionOf, magicBytes } from '../oci/compression/compression-of.ts';
import { decompress } from '../oci/compression/decompress.ts';
import { fileBytes } from '../oci/files/file-bytes.ts';
import { textOfPath } from '../oci/raw-path.ts';
import { blockSize } from '../oci/tar/block.ts';
import type { TarHeader } from '../oci/tar/header.ts';
import { readTar } from '../oci/tar/reader.ts';
import { readableImages, type StoredFile, type StoredFiles, statOptional, unreadableArchive } from './stored-files.ts';

/** What an archive says of one name. */
type Member =
  | { readonly kind: 'file'; readonly size: number; readonly offset: number }
  | { readonly kind: 'link'; readonly target: string };

type Members = ReadonlyMap<string, Member>;

const mostEntries = 100_000;
const longestLinkChain = 8;

/**
 * The files of a tar, plain or compressed. Names are only looked up, never made on disk. A plain archive is read by offsets; a compressed
 * one is read again from its start for each file.
 *
 * @throws RegistryError `archive` when it is damaged
 */
export async function tarFiles(archive: string, title: string): Promise<StoredFiles> {
  await checkRegular(archive, title);
  const compression = await compressionOfFile(archive, title);
  const members = await scan(archive, title, compression);
  if (members.size === 0) {
    throw new RegistryError('archive', `Cannot read ${title}: it is empty`, { side: 'client', hint: readableImages });
  }
  const read = compression === 'none' ? readByOffset : readByStream;
  return {
    title,
    async find(name): Promise<StoredFile | undefined> {
      const found = resolveLinks(members, name);
      return found && { size: found.member.size, read: (offset) => read({ archive, title, compression, ...found }, offset) };
    },
  };
}

/** Archives are read by offsets, which pipes do not have; and a thread that waits for one in open(2) keeps the process from ending. */
async function checkRegular(archive: string, title: string): Promise<void> {
  const status = await statOptional(archive, title);
  if (status === undefined || status.isFile()) return;
  throw new RegistryError('archive', `Cannot read ${title}: it is no regular file`, {
    side: 'client',
    hint: 'Write it to a file first; "tsbuild load" takes pipes',
  });
}

interface FoundMember {
  readonly name: string;
  readonly member: { readonly size: number; readonly offset: number };
}

interface Source extends FoundMember {
  readonly archive: string;
  readonly title: string;
  readonly compression: Compression;
}

/** Old Docker archives link equal layers to one another. */
function resolveLinks(members: Members, name: string): FoundMember | undefined {
  let current = path.posix.normalize(name);
  for (let step = 0; step < longestLinkChain; step += 1) {
    const member = members.get(current);
    if (member === undefined) return undefined;
    if (member.kind === 'file') return { name: current, member };
    current = member.target;
  }
  return undefined;
}

async function compressionOfFile(archive: string, title: string): Promise<Compression> {
  try {
    await using handle = await open(archive);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(magicBytes), 0, magicBytes, 0);
    return compressionOf(buffer.subarray(0, bytesRead));
  } catch (error) {
    throw damaged(title, error);
  }
}

async function scan(archive: string, title: string, compression: Compression): Promise<Members> {
  const members = new Map<string, Member>();
  try {
    await using handle = await open(archive);
    const { size } = await handle.stat();
    const skipper = new HeaderSource(handle, size);
    const source = compression === 'none' ? skipper : decompressed(archive, compression);
    for await (const { header } of readTar(source, { maxEntries: mostEntries })) {
      const offset = skipper.position;
      skipper.skipContent(header.type === 'file' ? header.size : 0);
      const member = memberOf(header, offset);
      if (member === undefined) continue;
      if (compression === 'none' && member.kind === 'file' && offset + member.size > size) throw new Error('it is cut off');
      members.set(path.posix.normalize(textOfPath(header.path)), member);
    }
  } catch (error) {
    throw damaged(title, error);
  }
  return members;
}

function memberOf(header: TarHeader, offset: number): Member | undefined {
  const name = textOfPath(header.path);
  const target = textOfPath(header.target);
  if (header.type === 'file') return { kind: 'file', size: header.size, offset };
  if (header.type === 'hardlink') return { kind: 'link', target: path.posix.normalize(target) };
  return header.type === 'symlink' ? { kind: 'link', target: path.posix.join(path.posix.dirname(name), target) } : undefined;
}

const zeros = Buffer.alloc(1024 * 1024);

/**
 * Feeds headers to the tar reader block by block, so that the position in the file is known, and zeros for contents, which the reader skips:
 * so scanning an archive of many gigabytes reads a few kilobytes.
 */
class HeaderSource implements AsyncIterable<Uint8Array> {
  readonly #handle: FileHandle;
  readonly #size: number;
  #skipped = 0;
  position = 0;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#size = size;
  }

  /** The reader will ask for so many bytes, and the padding after them, without looking at them. */
  skipContent(bytes: number): void {
    this.#skipped = Math.ceil(bytes / blockSize) * blockSize;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    while (this.position < this.#size) {
      const bytes = this.#skipped > 0 ? this.#nextZeros() : await this.#nextBlock();
      this.position += bytes.byteLength;
      yield bytes;
    }
  }

  #nextZeros(): Uint8Array {
    const length = Math.min(this.#skipped, zeros.length, this.#size - this.position);
    this.#skipped -= length;
    return zeros.subarray(0, length);
  }

  async #nextBlock(): Promise<Uint8Array> {
    const { buffer, bytesRead } = await this.#handle.read(Buffer.alloc(blockSize), 0, blockSize, this.position);
    if (bytesRead === 0) throw new Error('it became shorter while it was read');
    return buffer.subarray(0, bytesRead);
  }
}

function decompressed(archive: string, compression: Compression): AsyncGenerator<Uint8Array, void, undefined> {
  return decompress(fileBytes(archive, { highWaterMark: 256 * 1024 }), compression);
}

function readByOffset({ archive, member }: Source, offset: number): AsyncIterable<Uint8Array> {
  if (offset >= member.size) return nothing();
  return fileBytes(archive, {
    start: member.offset + offset,
    end: member.offset + member.size - 1,
    highWaterMark: 256 * 1024,
  });
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}

async function* readByStream(source: Source, offset: number): AsyncGenerator<Uint8Array, void, void> {
  try {
    for await (const { header, content } of readTar(decompressed(source.archive, source.compression), {
      maxEntries: mostEntries,
    })) {
      if (header.type !== 'file' || path.posix.normalize(textOfPath(header.path)) !== source.name) continue;
      yield* from(content, offset);
      return;
    }
  } catch (error) {
    throw damaged(source.title, error);
  }
}

async function* from(chunks: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array, void, void> {
  let left = offset;
  for await (const chunk of chunks) {
    if (chunk.byteLength > left) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.byteLength);
  }
}

function damaged(title: string, error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  return unreadableArchive(title, error);
}
