import { posix } from 'node:path';
import { O_DIRECTORY, O_PATH } from '../../../native/constants.ts';
import { archiveGrowth } from '../../../registry/oci/compression/growth.ts';
import { Pace } from '../../../registry/oci/pace.ts';
import { bytesOfPath, joinPath, type RawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import type { TarHeader } from '../../../registry/oci/tar/header.ts';
import { readTar, type TarEntry } from '../../../registry/oci/tar/reader.ts';
import { TarError } from '../../../registry/oci/tar/tar-error.ts';
import { isAtOrBelow } from '../../../registry/oci/text/path-below.ts';
import { decompressFile } from '../compress/decompress-file.ts';
import { cleanPath, pathBelow, pathOfDescriptor, splitPath } from '../files/folder-cache.ts';
import { FolderTimes } from '../files/folder-times.ts';
import type { NewAttributes } from '../files/new-file.ts';
import { xattrsOnDisk } from '../layer/archive-xattrs.ts';
import { Refusal } from '../request/failure.ts';
import type { RequestContext } from '../request/request-context.ts';
import { openFolderIfExists } from '../root/open-folder.ts';
import { locateInRoot, makeDirectories, openInRoot } from '../root/resolve-in-root.ts';
import { EntryPlacer, spotIn } from '../unpack/entry-placer.ts';
import { requireMapped } from '../unpack/owners-on-disk.ts';
import type { CopyRules } from './copy-rules.ts';
import { type CopyFile, hasIdentity, sourceChanged } from './source-tree.ts';

/** An archive of an ADD, and where it goes. */
export interface ArchiveJob {
  /** The archive, open for reading. */
  readonly fd: number;
  readonly entry: CopyFile;
  readonly rootFd: number;
  /** Below the root; links on the way are followed. */
  readonly folder: RawPath;
  /** Makes the folder when it does not exist. Not called for what is no archive. */
  readonly makeFolder: () => void;
  readonly rules: CopyRules;
}

/** More entries than any archive that people unpack into an image. */
const maxEntries = 10_000_000;

/**
 * Unpacks an archive into a folder of the root, if it is one: false for files that are no tar or have no entries, of which nothing is
 * used. The archive is told by its content, whatever it is compressed with.
 *
 * Owners are --chown's or the archive's, modes and times the archive's; --chmod does not count. A name that climbs out of the folder is
 * refused, as in BuildKit; links are followed inside the root, but not out of the folder. Whiteouts mean nothing.
 */
export async function addArchive(job: ArchiveJob, context: RequestContext): Promise<boolean> {
  if (job.entry.identity !== undefined && !hasIdentity(job.fd, job.entry.identity)) throw sourceChanged(job.entry.from);
  const bytes = decompressFile(`/proc/self/fd/${job.fd}`, {
    name: `"${textOfPath(job.entry.from)}"`,
    signal: context.signal,
    mostGrowth: archiveGrowth,
  });
  const entries = readTar(bytes, { maxEntries, mostGrowth: archiveGrowth, sizeBytes: job.entry.size });
  const first = await firstEntry(entries);
  if (first === undefined) return false;
  job.makeFolder();
  const pace = new Pace(context.signal);
  await using unpacker = new ArchiveUnpacker(job, pace);
  await unpacker.apply(first);
  for await (const entry of entries) {
    await unpacker.apply(entry);
    if (pace.isDue()) await pace.turn();
  }
  await unpacker.finish(context);
  return true;
}

/** Undefined for what is no archive: that is copied like any other file. */
async function firstEntry(entries: AsyncGenerator<TarEntry, void, undefined>): Promise<TarEntry | undefined> {
  try {
    const first = await entries.next();
    return first.done === true ? undefined : first.value;
  } catch (error) {
    if (error instanceof TarError && error.code === 'too-sparse') throw error;
    if (error instanceof TarError || (error instanceof Refusal && error.code === 'archive-invalid')) return undefined;
    throw error;
  }
}

class ArchiveUnpacker implements AsyncDisposable {
  readonly #job: ArchiveJob;
  readonly #placer: EntryPlacer;
  readonly #rootPath: Buffer;
  /** The folder with all links followed; nothing may be put outside of it. */
  readonly #base: RawPath;

  constructor(job: ArchiveJob, pace: Pace) {
    this.#job = job;
    this.#rootPath = pathOfDescriptor(job.rootFd);
    this.#base = locateInRoot(job.rootFd, bytesOfPath(job.folder)).existing;
    this.#placer = new EntryPlacer({
      rootFd: job.rootFd,
      times: new FolderTimes(),
      openFolder: (path) => this.#openFolder(path),
      attributes: (header, path) => this.#attributes(header, path),
      isNew: false,
      pace,
    });
  }

  async apply(entry: TarEntry): Promise<void> {
    const { header } = entry;
    this.#refuseClimbing(header.path);
    if (header.type === 'hardlink') this.#refuseClimbing(header.target);
    const path = cleanPath(header.path);
    // The destination keeps the attributes that it has, or got when it was made.
    if (path !== '') {
      const { parent, name } = splitPath(path);
      await this.#placer.place(entry, spotIn(await this.#placer.folder(parent), name));
    }
  }

  async finish(context: RequestContext): Promise<void> {
    await this.#placer.finish(`"${textOfPath(this.#job.entry.from)}"`, (message) => context.warn(message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#placer[Symbol.asyncDispose]();
  }

  /** Links in the image and in the archive are followed inside the root; one that leads out of the destination is an attack. */
  #openFolder(path: RawPath): number {
    const { rootFd } = this.#job;
    const folder = joinPath(this.#base, path);
    let fd = openFolderIfExists(rootFd, folder);
    if (fd === undefined) {
      const bytes = bytesOfPath(folder);
      this.#check(locateInRoot(rootFd, bytes).existing, path);
      makeDirectories(rootFd, bytes, { mode: 0o755, uid: 0, gid: 0 });
      fd = openInRoot(rootFd, bytes, O_PATH | O_DIRECTORY);
    }
    this.#check(pathBelow(this.#rootPath, fd), path);
    return fd;
  }

  /** An absolute name starts at the folder and stops at it. */
  #refuseClimbing(path: RawPath): void {
    if (!`${posix.normalize(path)}/`.startsWith('../')) return;
    throw new Refusal(
      'archive-escapes',
      `Cannot unpack "${textOfPath(this.#job.entry.from)}": "${textOfPath(path)}" leads out of the destination`,
    );
  }

  #check(place: RawPath, path: RawPath): void {
    const base = this.#base;
    if (base !== '' && !isAtOrBelow(place, base)) {
      throw new Refusal(
        'archive-escapes',
        `Cannot unpack "${textOfPath(this.#job.entry.from)}": "${textOfPath(path)}" leads out of the destination, to "/${textOfPath(place)}"`,
      );
    }
  }

  #attributes(header: TarHeader, path: RawPath): NewAttributes {
    const { uid, gid } = this.#job.rules.owner ?? header;
    requireMapped(this.#job.rules.idMap, { uid, gid }, path);
    return { mode: header.mode, uid, gid, mtime: header.mtime, xattrs: xattrsOnDisk(header) };
  }
}
