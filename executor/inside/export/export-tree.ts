import { closeSync, fchmodSync, fsyncSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from '../../../native/constants.ts';
import { close, linkat, mkdirat, openat } from '../../../native/files.ts';
import { Pace, pause } from '../../../registry/oci/pace.ts';
import { bytesOfPath, type RawPath } from '../../../registry/oci/raw-path.ts';
import { noXattrs, type TarHeader } from '../../../registry/oci/tar/header.ts';
import { unreachable } from '../../../registry/oci/unreachable.ts';
import type { WorkerRequest, WorkerResults } from '../../protocol/messages.ts';
import { copyBytes } from '../files/copy-bytes.ts';
import { FolderCache, splitPath } from '../files/folder-cache.ts';
import { FolderTimes } from '../files/folder-times.ts';
import { finishFile, type NameInFolder, type NewAttributes, openNewFile, placeSpecial, placeSymlink } from '../files/new-file.ts';
import { removePath } from '../files/remove.ts';
import { writeFully } from '../files/write-fully.ts';
import { type TarItem, tarChunks } from '../layer/tar-chunks.ts';
import { Refusal } from '../request/failure.ts';
import type { RequestContext } from '../request/request-context.ts';
import { openInRoot } from '../root/resolve-in-root.ts';
import { joinedTrees } from './joined-trees.ts';
import type { TreeFile } from './read-tree.ts';

type ExportTreeRequest = Extract<WorkerRequest, { readonly kind: 'export-tree' }>;

/**
 * Writes whole root file systems outside the store. A tar keeps owners and capabilities. A folder belongs to the user, so set-id
 * bits, which would speak of another owner, are dropped, and device nodes are left out with a warning. What was begun is
 * removed when it fails.
 */
export async function exportTrees(request: ExportTreeRequest, context: RequestContext): Promise<WorkerResults['export-tree']> {
  const files = joinedTrees(request.trees, context);
  return { files: await (request.form === 'tar' ? writeTarFile : writeFolder)(files, request.path, context) };
}

async function writeTarFile(files: Iterable<TreeFile>, path: string, context: RequestContext): Promise<number> {
  const counter = { files: 0 };
  const fd = openSync(path, 'wx', 0o644);
  try {
    const pace = new Pace(context.signal);
    for (const chunk of tarChunks(tarItems(files, counter))) {
      if (chunk !== pause) writeFully(fd, chunk);
      await pace.turn();
    }
    fsyncSync(fd);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  return counter.files;
}

function* tarItems(files: Iterable<TreeFile>, counter: { files: number }): Generator<TarItem, void, undefined> {
  for (const file of files) {
    counter.files += 1;
    yield file;
  }
}

async function writeFolder(files: Iterable<TreeFile>, path: string, context: RequestContext): Promise<number> {
  makeTarget(path);
  try {
    using target = new FolderTarget(path);
    let count = 0;
    const pace = new Pace(context.signal);
    for (const file of files) {
      for (const _ of target.put(file)) if (pace.isDue()) await pace.turn();
      count += 1;
      if (pace.isDue()) await pace.turn();
    }
    await target.finish(context, pace);
    return count;
  } catch (error) {
    await removePath(path);
    throw error;
  }
}

function makeTarget(path: string): void {
  mkdirSync(path, { recursive: true });
  if (readdirSync(path).length > 0) {
    throw new Refusal('not-supported', `Cannot write the root file system to "${path}": the folder is not empty`);
  }
}

/** A folder that a tree is copied to. */
class FolderTarget implements Disposable {
  readonly #rootFd: number;
  readonly #folders: FolderCache;
  readonly #times = new FolderTimes();
  readonly #modes = new Map<RawPath, number>();
  #devices = 0;

  constructor(path: string) {
    this.#rootFd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY);
    const rootFd = this.#rootFd;
    this.#folders = new FolderCache(rootFd, (folder) => openInRoot(rootFd, bytesOfPath(folder), O_PATH | O_DIRECTORY));
  }

  /** Makes a file, a large one in steps. */
  *put({ header, fd, head }: TreeFile): Generator<void, void, undefined> {
    const { parent, name } = splitPath(header.path);
    const place: NameInFolder = { fd: this.#folders.get(parent).fd, name: bytesOfPath(name) };
    const attributes: NewAttributes = { mode: header.mode & 0o1777, uid: 0, gid: 0, mtime: header.mtime, xattrs: noXattrs };
    switch (header.type) {
      case 'file':
        yield* putFile(place, attributes, { fd: fd ?? -1, size: header.size, head });
        return;
      case 'directory':
        mkdirat(place.fd, place.name, 0o700);
        this.#modes.set(header.path, attributes.mode);
        this.#times.set(header.path, header.mtime);
        return;
      case 'symlink':
        placeSymlink(place, attributes, header.target);
        return;
      case 'hardlink':
        this.#link(header, place);
        return;
      case 'fifo':
      case 'char':
      case 'block':
        this.#special(header, { place, attributes, type: header.type });
        return;
      default:
        unreachable(header.type);
    }
  }

  /** Sets modes and times of folders, which had to wait: a folder may forbid its owner to write. */
  async finish(context: RequestContext, pace: Pace): Promise<void> {
    this.#folders.forget();
    await this.#times.apply(this.#rootFd, pace);
    for (const [path, mode] of [...this.#modes].toReversed()) {
      if (pace.isDue()) await pace.turn();
      const fd = openInRoot(this.#rootFd, bytesOfPath(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      fchmodSync(fd, mode);
      close(fd);
    }
    if (this.#devices > 0) {
      context.warn(`${this.#devices} device nodes are left out: a user cannot make them`);
    }
  }

  [Symbol.dispose](): void {
    this.#folders.forget();
    close(this.#rootFd);
  }

  #link(header: TarHeader, place: NameInFolder): void {
    const target = splitPath(header.target);
    linkat(this.#folders.get(target.parent).fd, bytesOfPath(target.name), place.fd, place.name);
  }

  #special(
    { major, minor }: TarHeader,
    {
      place,
      attributes,
      type,
    }: { readonly place: NameInFolder; readonly attributes: NewAttributes; readonly type: 'fifo' | 'char' | 'block' },
  ): void {
    if (!placeSpecial(place, attributes, { type, major, minor })) this.#devices += 1;
  }
}

function* putFile(
  place: NameInFolder,
  attributes: NewAttributes,
  source: { readonly fd: number; readonly size: number; readonly head: Uint8Array | undefined },
): Generator<void, void, undefined> {
  const fd = openNewFile(place);
  try {
    yield* copyBytes(source.fd, fd, source.size);
    if (source.head !== undefined) writeSync(fd, source.head, 0, source.head.length, 0);
    finishFile(fd, attributes);
  } finally {
    close(fd);
  }
}
