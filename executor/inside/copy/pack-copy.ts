import { rmSync } from 'node:fs';
import { constants, copyFile, link, open } from 'node:fs/promises';
import { join } from 'node:path';
import { O_DIRECTORY, O_RDONLY, S_IFDIR, S_IFMT } from '../../../native/constants.ts';
import { close, readDirectory } from '../../../native/files.ts';
import { constantTimeSeconds } from '../../../registry/oci/layer/constant-time.ts';
import type { LayerEntry } from '../../../registry/oci/layer/layer-entry.ts';
import type { LayerFacts } from '../../../registry/oci/layer/layer-facts.ts';
import type { LayerRun } from '../../../registry/oci/layer/layer-run.ts';
import { bytesOfPath, joinPath, pathOfText, prefixesOf, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';
import { FileHeaders } from '../../../registry/oci/tar/file-headers.ts';
import { hasErrno } from '../../../registry/oci/thrown.ts';
import { unreachable } from '../../../registry/oci/unreachable.ts';
import type { CopyAction, CopyGroup } from '../../protocol/actions.ts';
import type { ListedEntry } from '../../protocol/copy-entry.ts';
import type { FileRun } from '../../protocol/copy-list.ts';
import type { PackedBlobFiles, StepResult } from '../../protocol/messages.ts';
import { hashChunks } from '../commit/commit.ts';
import { capabilityXattr } from '../files/capability.ts';
import { layerTime, wholeSeconds } from '../files/file-times.ts';
import { cleanPath } from '../files/folder-cache.ts';
import { IndexWriter } from '../layer/index-file.ts';
import { packedLayer } from '../layer/layer-files.ts';
import { encodeXattrs, entryHeader } from '../layer/layer-header.ts';
import type { RequestContext } from '../request/request-context.ts';
import { locateInRoot, openInRoot, openRoot, type PlaceInRoot, statInRoot } from '../root/resolve-in-root.ts';
import { attributesOf, type CopyRules, copyRules, ownerAndMode, parentAttributes, timeOf } from './copy-rules.ts';
import { NeedsFolder } from './needs-folder.ts';
import { PackedContents } from './packed-contents.ts';
import type { PackedFile, PackedItem, PackedRun } from './packed-item.ts';
import { packedTar } from './packed-tar.ts';
import { readList } from './read-list.ts';
import { SourceTree } from './source-tree.ts';
import { SparseWriter } from './sparse-writer.ts';
import { TarOrder } from './tar-order.ts';

/** What packing needs of a request's context. */
export type PackContext = Pick<RequestContext, 'signal' | 'warn'>;

/** What a COPY is packed on top of, and where to. */
export interface PackTarget {
  /** The layers below as one tree. */
  readonly basePath: string;
  /** Gets the files `layer.tar` and `index`. */
  readonly directory: string;
  /** The tar is compressed, and gets this name too. */
  readonly blob?: PackedBlobFiles | undefined;
  readonly buildStartNs: bigint;
}

/**
 * Carries out a COPY and commits it in one go, without making the files: what is written is the tar of the layer. That is many times
 * faster than making a folder of tens of thousands of files and reading it again. undefined, and nothing written, for what is not the copy
 * of one folder to a place where nothing is yet: there the layer depends on what is below.
 *
 * The tar is the one that copyAction() and commitLayer() come to.
 */
export async function packCopy(action: CopyAction, target: PackTarget, context: PackContext): Promise<StepResult | undefined> {
  const group = onlyFolder(action);
  if (group === undefined) return undefined;
  const rootFd = openRoot(target.basePath);
  try {
    const place = locateInRoot(rootFd, bytesOfPath(cleanPath(pathOfText(action.destination))));
    if (!isVacant(rootFd, place)) return undefined;
    using packer = new Packer({ rootFd, place, group, rules: copyRules(action, rootFd) }, target, context);
    return await packer.pack();
  } catch (error) {
    if (!(error instanceof NeedsFolder)) throw error;
    rmSync(join(target.directory, packedLayer), { force: true });
    rmSync(join(target.directory, 'index'), { force: true });
    return undefined;
  } finally {
    close(rootFd);
  }
}

function onlyFolder({ groups }: CopyAction): CopyGroup | undefined {
  const [group, ...others] = groups;
  const isFolder = group?.sourceType === 'directory' && !group.keepsParents && !group.isArchive;
  return isFolder && others.length === 0 ? group : undefined;
}

function isVacant(rootFd: number, { existing, status, missing }: PlaceInRoot): boolean {
  if ((status.mode & S_IFMT) !== S_IFDIR) return false;
  if (missing.length > 0) return true;
  const fd = openInRoot(rootFd, bytesOfPath(existing), O_RDONLY | O_DIRECTORY);
  try {
    return readDirectory(fd).length === 0;
  } finally {
    close(fd);
  }
}

interface PackJob {
  readonly rootFd: number;
  /** The destination. */
  readonly place: PlaceInRoot;
  readonly group: CopyGroup;
  readonly rules: CopyRules;
}

/** An entry of the layer, and where its content comes from. */
interface FoundEntry {
  readonly entry: LayerEntry;
  readonly source: ListedEntry | undefined;
}

/** Files of the layer, and the folder that they come from. */
interface FoundRun {
  readonly run: LayerRun;
  readonly from: RawPath;
}

class Packer implements Disposable {
  readonly #packing: PackJob;
  readonly #target: PackTarget;
  readonly #signal: AbortSignal;
  readonly #source: SourceTree;
  readonly #firstNewSecond: number;

  constructor(packing: PackJob, target: PackTarget, context: PackContext) {
    this.#packing = packing;
    this.#target = target;
    this.#signal = context.signal;
    this.#source = new SourceTree(packing.group.source, context);
    this.#firstNewSecond = wholeSeconds(target.buildStartNs);
  }

  async pack(): Promise<StepResult> {
    const { directory, blob } = this.#target;
    using index = new IndexWriter(join(directory, 'index'));
    const tar = blob === undefined ? await this.#writeTar(index) : await this.#writeBlob(index, blob);
    index.finish();
    return { ...tar, entries: index.entries };
  }

  async #writeTar(index: IndexWriter): Promise<Pick<LayerFacts, 'diffId' | 'sizeBytes'>> {
    await using file = await open(join(this.#target.directory, packedLayer), 'wx', 0o644);
    const writer = new SparseWriter(file);
    const tar = await hashChunks(packedTar(this.#items(index), this.#source), this.#signal, (chunk) => writer.write(chunk));
    await file.truncate(tar.sizeBytes);
    return tar;
  }

  /**
   * Compresses in the same pass. Parts of the tar are known by what the list says of their files before these are read: every file that is
   * read is compared with that, and a blob in which one differs is thrown away.
   */
  async #writeBlob(index: IndexWriter, { output, ...form }: PackedBlobFiles): Promise<Omit<StepResult, 'entries'>> {
    const { writeBlob } = await import('../blob/write-blob.ts');
    const contents = new PackedContents();
    const counter = { bytes: 0 };
    const tar = counted(packedTar(contents.of(this.#items(index)), this.#source), counter);
    const { diffId, digest, sizeBytes } = await writeBlob(tar, { ...form, output, contents, signal: this.#signal });
    await linkOrCopy(output, join(this.#target.directory, packedLayer));
    return { diffId, sizeBytes: counter.bytes, blob: { digest, sizeBytes } };
  }

  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
  }

  *#items(index: IndexWriter): Generator<PackedItem | PackedRun, void, undefined> {
    const order = new TarOrder();
    for (const found of this.#found()) {
      if ('run' in found) {
        const { run, from } = found;
        order.nextRun(run);
        yield { files: run, headers: new FileHeaders(run.folder, run), from };
        index.addRun(run);
      } else {
        const { entry, source } = found;
        order.next(entry.path);
        yield { header: entryHeader(entry), file: source === undefined ? undefined : contentOf(source) };
        index.add(entry);
      }
    }
  }

  /** In the order of the tar: folders on the way, then what is copied. A copy of nothing changes no folder that exists. */
  *#found(): Generator<FoundEntry | FoundRun, void, undefined> {
    const { place, group } = this.#packing;
    const items = readList(group);
    const { value: root } = items.next();
    if (root?.type !== 'directory' || root.to !== '') throw new NeedsFolder();
    let waiting = [...this.#foldersOnTheWay(timeOf(this.#packing.rules, root))];
    const folder = place.missing.reduce(joinPath, place.existing);
    for (const item of items) {
      yield* waiting;
      waiting = [];
      yield item.type === 'files'
        ? { run: this.#layerRun(item, folder), from: item.from }
        : { entry: this.#layerEntry(item, folder), source: item };
    }
    if (place.missing.length > 0) yield* waiting;
  }

  /** Folders that exist keep what they are, but the one that gets something new, and the destination, also get a new time. */
  *#foldersOnTheWay(mtime: number): Generator<FoundEntry, void, undefined> {
    const { rootFd, rules, place } = this.#packing;
    const destination = place.missing.reduce(joinPath, place.existing);
    for (const folder of prefixesOf(destination)) {
      const status = folder.length <= place.existing.length ? statInRoot(rootFd, bytesOfPath(folder)) : undefined;
      const { mode, uid, gid } = status ?? parentAttributes(rules, folder);
      const isKept = status !== undefined && folder !== place.existing;
      const oldTime = isKept ? layerTime(status.mtimeNs, this.#target.buildStartNs) : constantTimeSeconds;
      const attributes = { mode: mode & 0o7777, uid, gid, mtime: folder === destination ? this.#timeInLayer(mtime) : oldTime };
      yield { entry: { type: 'directory', path: folder, ...attributes }, source: undefined };
    }
  }

  /** As layerTime() for whole seconds, without making a bigint of each. */
  #timeInLayer(mtime: number): number {
    return mtime >= this.#firstNewSecond ? constantTimeSeconds : mtime;
  }

  #layerRun(item: FileRun, folder: RawPath): LayerRun {
    const { rules } = this.#packing;
    const { to, names, sizes, digests } = item;
    const runFolder = joinPath(folder, to);
    const { uid, gid, mode } = ownerAndMode(rules, item, joinPath(runFolder, names[0] ?? rawPath('')));
    const mtimes = item.mtimes.map((mtime) => this.#timeInLayer(timeOf(rules, { mtime })));
    return { type: 'files', folder: runFolder, mode, uid, gid, names, sizes, mtimes, digests };
  }

  #layerEntry(entry: ListedEntry, folder: RawPath): LayerEntry {
    const path = joinPath(folder, entry.to);
    const { mode, uid, gid, mtime: time, xattrs } = attributesOf(this.#packing.rules, entry, path);
    const mtime = this.#timeInLayer(time);
    switch (entry.type) {
      case 'file':
        return withKept({ type: 'file', path, size: entry.size, digest: entry.digest, mode, uid, gid, mtime }, xattrs);
      case 'directory':
      case 'fifo':
        return { type: entry.type, path, mode, uid, gid, mtime };
      case 'symlink':
        return { type: 'symlink', path, target: entry.target, mode: 0o777, uid, gid, mtime };
      case 'hardlink':
        // Names in a context share what was seen of them; the layers of an image can say different things.
        if (this.#packing.group.source.kind !== 'directory') throw new NeedsFolder();
        return { type: 'hardlink', path, target: joinPath(folder, entry.target), mode, uid, gid, mtime };
      case 'char':
      case 'block':
        throw new NeedsFolder();
      default:
        return unreachable(entry);
    }
  }
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  counter: { bytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    counter.bytes += chunk.length;
    yield chunk;
  }
}

/** Not every file system has hard links, or lets a file have one more. */
async function linkOrCopy(file: string, name: string): Promise<void> {
  try {
    await link(file, name);
  } catch (error) {
    if (!hasErrno(error, 'EPERM', 'EMLINK', 'ENOTSUP', 'ENOSYS')) throw error;
    await copyFile(file, name, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }
}

function contentOf(source: ListedEntry): PackedFile | undefined {
  if (source.type !== 'file' || source.size === 0) return undefined;
  if (source.inline !== undefined) throw new NeedsFolder();
  return source;
}

/** Layers hold capabilities and no other attribute. */
function withKept(entry: LayerEntry, xattrs: ReadonlyMap<string, Uint8Array>): LayerEntry {
  const capability = xattrs.get(capabilityXattr);
  return capability === undefined ? entry : { ...entry, ...encodeXattrs(new Map([[capabilityXattr, capability]])) };
}
