import { createReadStream } from 'node:fs';
import { link, mkdir, open, rm, stat, symlink } from 'node:fs/promises';
import { archiveGrowth } from '../../registry/oci/compression/growth.ts';
import { sniff } from '../../registry/oci/compression/sniff.ts';
import { Pace } from '../../registry/oci/pace.ts';
import { bytesOfPath, folderOf, type RawPath, rawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import { readTar, type TarEntry } from '../../registry/oci/tar/reader.ts';
import { isHole } from '../../registry/oci/tar/sparse.ts';
import { TarError } from '../../registry/oci/tar/tar-error.ts';
import { hasErrno } from '../../registry/oci/thrown.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { archiveError, decompressed } from './archive-bytes.ts';

/** What may come out of an archive. */
export interface UnpackOptions {
  /** For messages, such as `the context on standard input`. */
  readonly name: string;
  readonly signal: AbortSignal;
  /** Default: 1,000,000. */
  readonly maxEntries?: number;
  /** Bytes of the archive as it came, where they are known: what holes are measured by. */
  readonly sizeBytes?: number;
  /** Default: 64 GiB. */
  readonly maxBytes?: number;
}

/** What came out. */
export interface UnpackedArchive {
  readonly entries: number;
  /** Device nodes, pipes and the like, which no context needs. */
  readonly leftOut: number;
  /** The time of the newest file, in seconds since the epoch; undefined when there is none. */
  readonly newest: number | undefined;
  /** Modes that the files could not be given, since then they could not be read. */
  readonly modes: ReadonlyMap<RawPath, number>;
}

/**
 * Unpacks a tar into a new folder, as an ordinary user: files, folders and links. Nothing is followed and nothing leaves the folder: what
 * lies below something that this archive did not make as a folder is refused.
 *
 * @throws SourceError 'archive', or what the disk says
 */
export async function unpackArchive(
  bytes: AsyncIterable<Uint8Array>,
  folder: string,
  options: UnpackOptions,
): Promise<UnpackedArchive> {
  await mkdir(folder, { mode: 0o700 });
  const unpacker = new Unpacker(folder, options);
  try {
    const { maxEntries = 1_000_000, sizeBytes } = options;
    const limits = { maxEntries, mostGrowth: archiveGrowth, ...(sizeBytes !== undefined && { sizeBytes }) };
    for await (const entry of readTar(bytes, limits)) {
      options.signal.throwIfAborted();
      await unpacker.place(entry);
    }
    return await unpacker.finish();
  } catch (error) {
    if (error instanceof TarError) throw archiveError(options.name, error.message.replace(/^Cannot read archive: /, ''));
    throw error;
  }
}

/** Unpacks a file, compressed or not, in the same way. */
export async function unpackFile(file: string, folder: string, options: UnpackOptions): Promise<UnpackedArchive> {
  const stream = await sniff(createReadStream(file, { highWaterMark: 1 << 18 }), 16);
  const { size } = await stat(file);
  return unpackArchive(decompressed(stream, options), folder, { ...options, sizeBytes: size });
}

type Kind = 'directory' | 'file' | 'symlink';

/**
 * Knows all that it has made. The folder is private to this build, so a path whose parents are all known as folders leads through no link:
 * no system call has to be trusted with that.
 */
class Unpacker {
  readonly #folder: string;
  readonly #options: UnpackOptions;
  readonly #pace: Pace;
  readonly #kinds = new Map<RawPath, Kind>([[rawPath(''), 'directory']]);
  readonly #modes = new Map<RawPath, number>();
  readonly #folderModes = new Map<RawPath, number>();
  #entries = 0;
  #leftOut = 0;
  #bytes = 0;
  #newest: number | undefined;

  constructor(folder: string, options: UnpackOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#pace = new Pace(options.signal);
  }

  async place(entry: TarEntry): Promise<void> {
    const { header } = entry;
    const path = this.#clean(header.path);
    this.#entries += 1;
    if (path === '') return;
    switch (header.type) {
      case 'directory':
        return this.#directory(path, header.mode);
      case 'file':
        return this.#file(path, entry);
      case 'symlink':
        return this.#symlink(path, header.target);
      case 'hardlink':
        return this.#hardLink(path, this.#clean(header.target));
      case 'char':
      case 'block':
      case 'fifo':
        this.#leftOut += 1;
        return;
      default:
        return unreachable(header.type);
    }
  }

  /** Modes of folders come last: a folder may be read-only, and still be filled by the archive. */
  async finish(): Promise<UnpackedArchive> {
    for (const [path, mode] of this.#folderModes) {
      if (this.#kinds.get(path) === 'directory') await this.#chmod(path, mode, 0o700);
    }
    return { entries: this.#entries, leftOut: this.#leftOut, newest: this.#newest, modes: this.#modes };
  }

  async #directory(path: RawPath, mode: number): Promise<void> {
    await this.#parents(path);
    const kind = this.#kinds.get(path);
    if (kind !== undefined && kind !== 'directory') throw this.#refused(path, `a ${nameOfKind(kind)} of that name came before`);
    if (kind === undefined) await this.#makeFolder(path);
    this.#folderModes.set(path, mode);
  }

  async #file(path: RawPath, entry: TarEntry): Promise<void> {
    await this.#makeRoom(path);
    const { size, mode, mtime } = entry.header;
    this.#newest = Math.max(this.#newest ?? mtime, mtime);
    this.#bytes += size;
    if (this.#bytes > (this.#options.maxBytes ?? defaultMaxBytes)) {
      throw archiveError(this.#options.name, 'its files are too large');
    }
    await this.#onDisk(path, async (file) => {
      await using handle = await open(file, 'wx', 0o600);
      let position = 0;
      for await (const chunk of entry.bytes === undefined ? entry.content : [entry.bytes]) {
        if (this.#pace.isDue()) await this.#pace.turn();
        if (!isHole(chunk)) await writeAll(handle, chunk, position);
        position += chunk.length;
      }
      await handle.truncate(position);
      await handle.chmod(mode | 0o400);
    });
    this.#kinds.set(path, 'file');
    if ((mode & 0o400) === 0) this.#modes.set(path, mode);
  }

  async #symlink(path: RawPath, target: RawPath): Promise<void> {
    await this.#makeRoom(path);
    await this.#onDisk(path, (file) => symlink(bytesOfPath(target), file));
    this.#kinds.set(path, 'symlink');
  }

  async #hardLink(path: RawPath, target: RawPath): Promise<void> {
    if (this.#kinds.get(target) !== 'file') {
      throw this.#refused(path, `it is a link to "${textOfPath(target)}", which is no file of it`);
    }
    if (path === target) return;
    await this.#makeRoom(path);
    await this.#onDisk(path, (file) => link(this.#diskPath(target), file));
    this.#kinds.set(path, 'file');
    const mode = this.#modes.get(target);
    if (mode !== undefined) this.#modes.set(path, mode);
  }

  /** The later of two entries of a name counts; a folder gives way to nothing. */
  async #makeRoom(path: RawPath): Promise<void> {
    await this.#parents(path);
    const kind = this.#kinds.get(path);
    if (kind === 'directory') throw this.#refused(path, 'a folder of that name came before');
    if (kind !== undefined) await this.#onDisk(path, (file) => rm(file));
    this.#modes.delete(path);
  }

  async #parents(path: RawPath): Promise<void> {
    const missing: RawPath[] = [];
    for (let parent = folderOf(path); ; parent = folderOf(parent)) {
      const kind = this.#kinds.get(parent);
      if (kind === 'directory') break;
      if (kind !== undefined) throw this.#refused(path, `it leads through the ${nameOfKind(kind)} "${textOfPath(parent)}"`);
      missing.push(parent);
    }
    for (const parent of missing.toReversed()) await this.#makeFolder(parent);
  }

  async #makeFolder(path: RawPath): Promise<void> {
    await this.#onDisk(path, (file) => mkdir(file, { mode: 0o755 }));
    this.#kinds.set(path, 'directory');
    this.#folderModes.set(path, 0o755);
  }

  async #chmod(path: RawPath, mode: number, needed: number): Promise<void> {
    await this.#onDisk(path, async (file) => {
      await using handle = await open(file, 'r');
      await handle.chmod(mode | needed);
    });
    if ((mode & needed) !== needed) this.#modes.set(path, mode);
  }

  /** Absolute names and `..` stop at the folder. */
  #clean(path: RawPath): RawPath {
    const kept: string[] = [];
    for (const part of path.split('/')) {
      if (part === '..') kept.pop();
      else if (part !== '' && part !== '.') kept.push(part);
    }
    const cleaned = rawPath(kept.join('/'));
    if (cleaned.includes('\0')) throw this.#refused(cleaned, 'its name holds a NUL');
    return cleaned;
  }

  async #onDisk(path: RawPath, operation: (file: Buffer) => Promise<void>): Promise<void> {
    try {
      await operation(this.#diskPath(path));
    } catch (error) {
      if (hasErrno(error, 'ENAMETOOLONG')) throw this.#refused(path, 'its name is too long');
      throw error;
    }
  }

  #diskPath(path: RawPath): Buffer {
    return Buffer.concat([Buffer.from(`${this.#folder}/`), bytesOfPath(path)]);
  }

  #refused(path: RawPath, why: string): Error {
    return archiveError(this.#options.name, `"${textOfPath(path).slice(0, 200)}": ${why}`);
  }
}

const defaultMaxBytes = 2 ** 36;

interface PositionedWriter {
  write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesWritten: number }>;
}

async function writeAll(handle: PositionedWriter, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function nameOfKind(kind: Kind): string {
  return kind === 'symlink' ? 'symbolic link' : kind === 'file' ? 'file' : 'folder';
}
