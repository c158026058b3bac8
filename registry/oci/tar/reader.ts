import { isOutOfProportion, layerGrowth } from '../compression/growth.ts';
import { blockSize, isChecksumRight, isZeroBlock, paddingOf } from './block.ts';
import { ByteQueue } from './byte-queue.ts';
import { entryOf, type ParsedEntry, type RawHeader, rawHeader } from './entry-header.ts';
import type { TarHeader } from './header.ts';
import { otherContent } from './other-content.ts';
import { type PaxRecord, parsePaxRecords } from './pax.ts';
import {
  checkRegionCount,
  checkSparse,
  expandSparse,
  oldGnu,
  oldGnuRegions,
  readMapInData,
  type SparseRegion,
} from './sparse.ts';
import { TarError } from './tar-error.ts';

/** One entry of an archive. What is not read of its content is skipped when the next entry is asked for. */
export interface TarEntry {
  readonly header: TarHeader;
  /** Can be read once, and only before the next entry is asked for. Holes of sparse files are zeros; see `isHole`. */
  readonly content: AsyncIterable<Uint8Array>;
  /** The whole content when it is in memory already, which spares small files the stream. Then `content` need not be read. */
  readonly bytes: Uint8Array | undefined;
}

/** What a reader puts up with. */
export interface TarLimits {
  /** Entries above this number are an error. */
  readonly maxEntries?: number;
  /** How many times as large as the archive the holes of its sparse files may be. Default: what layers may need. */
  readonly mostGrowth?: number;
  /** Bytes of the archive as it came, compressed or not, where they are known; else those of the tar that have been read count. */
  readonly sizeBytes?: number;
}

/** The most that names and extended headers may take. */
const maxExtensionBytes = 1 << 20;

/**
 * Reads an archive: ustar, PAX, GNU and old formats, sparse files of every kind. Global PAX headers are ignored. The source is read to its
 * end, whatever follows the end of the archive.
 *
 * @throws TarError
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  limits: TarLimits = {},
): AsyncGenerator<TarEntry, void, undefined> {
  const queue = new ByteQueue(source);
  let count = 0;
  let holes = 0;
  try {
    const stranger = otherContent(await queue.ahead(blockSize));
    if (stranger !== undefined) throw new TarError('invalid-header', stranger);
    for (;;) {
      const parsed = await nextHeader(queue);
      if (parsed === undefined) {
        await queue.drain();
        return;
      }
      count += 1;
      if (count > (limits.maxEntries ?? Number.POSITIVE_INFINITY)) {
        throw new TarError('too-large', `it has more than ${limits.maxEntries} entries`);
      }
      const content = new StoredContent(queue, parsed);
      if (parsed.sparse !== undefined) {
        holes += Math.max(0, parsed.header.size - content.left);
        checkHoles(holes, queue.taken + content.left, limits);
      }
      yield await openEntry(parsed, content);
      await content.skipRest();
    }
  } finally {
    await queue.cancel();
  }
}

/** A hole costs nothing in an archive, and as much time as any content where it is hashed. */
function checkHoles(holes: number, readBytes: number, { sizeBytes = readBytes, mostGrowth = layerGrowth }: TarLimits): void {
  if (!isOutOfProportion(holes, { sizeBytes, mostGrowth })) return;
  throw new TarError(
    'too-sparse',
    `the holes of its sparse files take ${holes} bytes, its ${sizeBytes} bytes are too few for that`,
  );
}

async function openEntry(parsed: ParsedEntry, content: StoredContent): Promise<TarEntry> {
  const { header, sparse } = parsed;
  if (sparse === undefined) {
    return { header, content, bytes: content.atHand() };
  }
  const regions = sparse.regions === 'in-data' ? await readMapInData(() => content.takeBlock()) : sparse.regions;
  const file = { size: header.size, regions };
  checkSparse(file, content.left);
  return { header, content: expandSparse(content, file), bytes: undefined };
}

/** The bytes of one entry that are in the archive. */
class StoredContent implements AsyncIterable<Uint8Array> {
  readonly #queue: ByteQueue;
  readonly #what: string;
  readonly #padding: number;
  left: number;

  constructor(queue: ByteQueue, { header, storedSize }: ParsedEntry) {
    this.#queue = queue;
    this.#what = `the content of "${header.path}"`;
    this.#padding = paddingOf(storedSize);
    this.left = storedSize;
  }

  atHand(): Buffer | undefined {
    return this.#queue.peek(this.left);
  }

  async takeBlock(): Promise<Buffer> {
    const block = this.left < blockSize ? undefined : await this.#queue.take(blockSize, this.#what);
    if (block === undefined) {
      throw new TarError('invalid-sparse', `the map of the sparse file "${this.#what}" is cut off`);
    }
    this.left -= blockSize;
    return block;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.left > 0) {
      const chunk = await this.#queue.takeSome(this.left);
      if (chunk === undefined) {
        throw new TarError('truncated', `it ends ${this.left} bytes too early, in ${this.#what}`);
      }
      this.left -= chunk.length;
      yield chunk;
    }
  }

  async skipRest(): Promise<void> {
    const rest = this.left + this.#padding;
    this.left = 0;
    if (this.#queue.takeAtHand(rest) === undefined) await this.#queue.skip(rest, this.#what);
  }
}

/** What the headers before an entry's own say of it. */
interface Extensions {
  path: string | undefined;
  target: string | undefined;
  records: readonly PaxRecord[];
}

async function nextHeader(queue: ByteQueue): Promise<ParsedEntry | undefined> {
  const extensions: Extensions = { path: undefined, target: undefined, records: [] };
  for (;;) {
    const block = await nextBlock(queue);
    if (block === undefined) return undefined;
    const raw = rawHeader(block);
    if (!(await readExtension(queue, { raw, extensions }))) {
      return entryOf(raw, { ...extensions, regions: await oldGnuMap(queue, { raw, block }) });
    }
  }
}

/** The next header block, or undefined at the end of the archive. */
async function nextBlock(queue: ByteQueue): Promise<Buffer | undefined> {
  const block = queue.takeAtHand(blockSize) ?? (await queue.take(blockSize, 'a header'));
  if (block === undefined) return undefined;
  if (!isZeroBlock(block)) {
    if (!isChecksumRight(block)) throw new TarError('invalid-header', 'the checksum of a header is wrong');
    return block;
  }
  const second = await queue.take(blockSize, 'the mark of its end');
  if (second !== undefined && !isZeroBlock(second)) {
    throw new TarError('invalid-header', 'a block of zeros stands between two entries');
  }
  return undefined;
}

/** Reads headers that only say something of the next one; false for every other header. */
async function readExtension(
  queue: ByteQueue,
  { raw, extensions }: { readonly raw: RawHeader; readonly extensions: Extensions },
): Promise<boolean> {
  switch (raw.type) {
    case 'L':
      extensions.path = textOf(await extensionBytes(queue, raw));
      return true;
    case 'K':
      extensions.target = textOf(await extensionBytes(queue, raw));
      return true;
    case 'x':
    case 'X':
      extensions.records = parsePaxRecords(await extensionBytes(queue, raw));
      return true;
    case 'g':
    case 'V':
      await extensionBytes(queue, raw);
      return true;
    default:
      return false;
  }
}

async function extensionBytes(queue: ByteQueue, raw: RawHeader): Promise<Buffer> {
  if (raw.size > maxExtensionBytes) {
    throw new TarError('too-large', `an extended header takes ${raw.size} bytes`);
  }
  const bytes = await queue.take(raw.size, 'an extended header');
  if (bytes === undefined && raw.size > 0) {
    throw new TarError('truncated', `it ends ${raw.size} bytes too early, in an extended header`);
  }
  await queue.skip(paddingOf(raw.size), 'an extended header');
  return bytes ?? Buffer.alloc(0);
}

/** GNU's long names end with a NUL. */
function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end === -1 ? bytes.length : end);
}

/** The map of an old GNU sparse file, which goes on in blocks after the header. */
async function oldGnuMap(
  queue: ByteQueue,
  { raw, block }: { readonly raw: RawHeader; readonly block: Buffer },
): Promise<SparseRegion[] | undefined> {
  if (raw.type !== 'S') return undefined;
  const regions = oldGnuRegions(block, oldGnu.inHeader);
  for (let isExtended = block[oldGnu.isExtended] !== 0; isExtended; ) {
    const extension = await queue.take(blockSize, 'the map of a sparse file');
    if (extension === undefined) {
      throw new TarError('truncated', `it ends ${blockSize} bytes too early, in the map of a sparse file`);
    }
    regions.push(...oldGnuRegions(extension, oldGnu.inExtension));
    checkRegionCount(regions.length);
    isExtended = extension[oldGnu.isExtendedAgain] !== 0;
  }
  return regions;
}
