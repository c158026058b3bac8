import { NewFileBatch } from '../../../native/batch/new-file-batch.ts';
import { pathMax } from '../../../native/batch/paths.ts';
import { folderOf, prefixesOf, type RawPath } from '../../../registry/oci/raw-path.ts';
import type { NewAttributes } from '../files/new-file.ts';

/** A small file that is to be made. */
export interface WaitingFile {
  /** Below the root, without links. */
  readonly path: RawPath;
  readonly attributes: NewAttributes;
  readonly bytes: Uint8Array;
}

/** Larger files are not made sooner by waiting for others. */
const smallBytes = 1 << 15;
const batchSize = { files: 512, contentBytes: 1 << 20 };

/**
 * Small files of an archive that are made hundreds at a time, in the background, while the archive is read on. Until settle() they may or
 * may not be there, so who is about to look at has() paths, to walk along a path on which one isMet(), or to remove something, settles
 * first. The tree has to have been empty, and must be told of links and of open folders.
 *
 * What cannot be made in a batch, above all what is to replace something, is handed to `makeAlone`, in the order of the archive.
 */
export class WaitingFiles {
  readonly #rootFd: number;
  readonly #makeAlone: (file: WaitingFile) => Promise<void>;
  readonly #links = new Set<RawPath>();
  readonly #opened = new Set<RawPath>();
  #filling: Batch | undefined;
  #making: Batch | undefined;

  constructor(rootFd: number, makeAlone: (file: WaitingFile) => Promise<void>) {
    this.#rootFd = rootFd;
    this.#makeAlone = makeAlone;
  }

  /** There is a link at a path. */
  addLink(path: RawPath): void {
    this.#links.add(path);
  }

  /** A folder is open, and may stay so. */
  addOpened(folder: RawPath): void {
    for (let path = folder; !this.#opened.has(path); path = folderOf(path)) this.#opened.add(path);
  }

  /**
   * True for a file that add() may be given. Not where a folder is open, or a link leads to one: if the file replaced that later, files
   * would be put into a folder that is gone.
   */
  takes({ path, attributes, bytes }: WaitingFile): boolean {
    const isSmall = bytes.length <= smallBytes && path.length < pathMax;
    return isSmall && attributes.xattrs.size === 0 && !this.#opened.has(path) && !this.#links.has(path);
  }

  has(path: RawPath): boolean {
    return this.#filling?.has(path) === true || this.#making?.has(path) === true;
  }

  /** True for a path on which one of the files could be met: as what should be a folder, or behind a link. */
  isMet(path: RawPath): boolean {
    for (const each of prefixesOf(path)) {
      if (this.#links.has(each) || this.has(each)) return true;
    }
    return false;
  }

  /** The bytes are copied. Rejects with what was in the way of an earlier file. */
  async add(file: WaitingFile): Promise<void> {
    if (this.#filling?.hasRoomFor(file) === false) await this.#turn();
    this.#filling ??= new Batch(this.#rootFd);
    this.#filling.add(file);
  }

  /** Settles when all files are made, or rejects with what is in the way of one. */
  async settle(): Promise<void> {
    await this.#turn();
    await this.#finish();
  }

  /** Settles when nothing is made any more. */
  async rest(): Promise<void> {
    await this.#making?.rest();
  }

  async #turn(): Promise<void> {
    await this.#finish();
    [this.#filling, this.#making] = [this.#making, this.#filling];
    this.#making?.start();
  }

  async #finish(): Promise<void> {
    await this.#making?.rest();
    for (const file of this.#making?.takeFailed() ?? []) await this.#makeAlone(file);
  }
}

class Batch {
  readonly #batch: NewFileBatch;
  readonly #files: WaitingFile[] = [];
  readonly #paths = new Set<RawPath>();
  #making: Promise<void> | undefined;

  constructor(rootFd: number) {
    this.#batch = new NewFileBatch(rootFd, batchSize);
  }

  has(path: RawPath): boolean {
    return this.#paths.has(path);
  }

  hasRoomFor({ bytes }: WaitingFile): boolean {
    return this.#batch.hasRoomFor(bytes.length);
  }

  add({ path, attributes, bytes }: WaitingFile): void {
    const { mode, uid, gid, mtime } = attributes;
    const kept = this.#batch.add({ path, mode, uid, gid, mtime }, bytes);
    this.#files.push({ path, attributes, bytes: kept });
    this.#paths.add(path);
  }

  start(): void {
    this.#making = this.#batch.make();
  }

  async rest(): Promise<void> {
    await this.#making;
  }

  /** Forgets the files, and gives those that were not made. */
  takeFailed(): readonly WaitingFile[] {
    const failed = this.#files.filter((_, index) => !this.#batch.isMade(index));
    this.#files.length = 0;
    this.#paths.clear();
    this.#batch.clear();
    this.#making = undefined;
    return failed;
  }
}
