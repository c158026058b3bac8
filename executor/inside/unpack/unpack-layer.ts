import { AT, S_IFDIR, S_IFMT } from '../../../native/constants.ts';
import { fchmodat, fchownat, fstatatIfExists } from '../../../native/files.ts';
import { setXattr } from '../../../native/xattrs.ts';
import type { LayerEntry } from '../../../registry/oci/layer/layer-entry.ts';
import type { Pace } from '../../../registry/oci/pace.ts';
import { joinPath, type RawPath, rawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import type { TarHeader } from '../../../registry/oci/tar/header.ts';
import type { TarEntry } from '../../../registry/oci/tar/reader.ts';
import { unreachable } from '../../../registry/oci/unreachable.ts';
import { cleanPath, type OpenFolder, splitPath } from '../files/folder-cache.ts';
import { FolderTimes } from '../files/folder-times.ts';
import type { NewAttributes } from '../files/new-file.ts';
import { xattrsOnDisk } from '../layer/archive-xattrs.ts';
import type { IndexWriter } from '../layer/index-file.ts';
import { encodeXattrs } from '../layer/layer-header.ts';
import { looksLikeWhiteout, makeWhiteout, opaqueXattr, readWhiteout } from '../layer/whiteouts.ts';
import { Refusal } from '../request/failure.ts';
import { EntryPlacer, type PlacedEntry, type Spot, spotIn } from './entry-placer.ts';
import { removeGhosts } from './ghosts.ts';
import { ImpliedFolders } from './implied-folders.ts';
import type { OwnersOnDisk } from './owners-on-disk.ts';

/** Where a layer is unpacked to, and what is written down about it. */
export interface UnpackTarget {
  /** The layer folder, empty; O_PATH is enough. */
  readonly rootFd: number;
  /** The layer folders below, lowest first: folders that the archive only implies look like theirs. */
  readonly lowers: readonly string[];
  readonly index: IndexWriter;
  readonly owners: OwnersOnDisk;
  readonly warn: (message: string) => void;
  readonly pace: Pace;
}

/**
 * Puts the entries of a layer's archive into a folder that overlayfs can use as a layer.
 *
 * Names are taken relative to the layer's own root: `..` stops there, and links in a parent are followed inside it, as containerd
 * and Docker do; what a lower layer holds under the same name plays no part, as with every unpacker that makes folders of layers.
 */
export class LayerUnpacker implements AsyncDisposable {
  readonly #target: UnpackTarget;
  readonly #times = new FolderTimes();
  readonly #placer: EntryPlacer;
  /** Places of the devices that stand for what is deleted. */
  readonly #whiteouts: RawPath[] = [];

  constructor(target: UnpackTarget) {
    const implied = new ImpliedFolders(target, this.#times);
    this.#target = target;
    this.#placer = new EntryPlacer({
      rootFd: target.rootFd,
      times: this.#times,
      openFolder: (path) => implied.open(path),
      attributes: (header, path) => this.#attributes(header, path),
      isNew: true,
      pace: target.pace,
    });
  }

  async apply(entry: TarEntry): Promise<void> {
    const path = cleanPath(entry.header.path);
    if (path === '') {
      this.#root(entry.header);
      return;
    }
    const { parent, name } = splitPath(path);
    const folder = await this.#placer.folder(parent);
    if (looksLikeWhiteout(name)) {
      await this.#placer.settle();
      this.#whiteout(folder, name);
    } else {
      const spot = spotIn(folder, name);
      this.#target.index.add(indexEntry(entry.header, spot.path, await this.#placer.place(entry, spot)));
    }
  }

  /** Sets what had to wait for the last entry, and tells what could not be kept. */
  async finish(): Promise<void> {
    const { owners, warn } = this.#target;
    await this.#placer.settle();
    await removeGhosts(this.#whiteouts, this.#target, this.#target.pace);
    await this.#placer.finish('a layer', warn);
    if (owners.squashed > 0) {
      warn(
        `${owners.squashed} files of a layer belong to users that do not exist here: RUN sees them as root's, the image keeps them as they are`,
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#placer[Symbol.asyncDispose]();
  }

  /** Many archives begin with `./`. */
  #root(header: TarHeader): void {
    if (header.type !== 'directory') {
      throw new Refusal('archive-invalid', `Cannot unpack the entry "${textOfPath(header.path)}": it has no name`);
    }
    const path = rawPath('');
    const { uid, gid, mode } = this.#attributes(header, path);
    fchownat(this.#target.rootFd, '.', uid, gid);
    fchmodat(this.#target.rootFd, '.', mode);
    this.#times.set(path, header.mtime);
    this.#target.index.add(indexEntry(header, path, { digest: '', target: path }));
  }

  #whiteout(folder: OpenFolder, name: RawPath): void {
    const whiteout = readWhiteout(name);
    if (whiteout.kind === 'opaque') {
      setXattr(`/proc/self/fd/${folder.fd}`, opaqueXattr, Buffer.from('y'), { follow: true });
      this.#target.index.add({ type: 'opaque', path: folder.path });
    } else if (whiteout.kind === 'whiteout') {
      this.#delete(spotIn(folder, whiteout.name));
    } else if (whiteout.kind !== 'ignored') {
      throw new Refusal(
        'archive-invalid',
        `Cannot unpack "${textOfPath(joinPath(folder.path, name))}": a whiteout must name what it deletes`,
      );
    }
  }

  /** Whiteouts speak of the layers below, whatever the order: what the same layer holds stays, and hides what is below it. */
  #delete({ fd, name, path }: Spot): void {
    const status = fstatatIfExists(fd, name, AT.SYMLINK_NOFOLLOW);
    if (status === undefined) {
      makeWhiteout(fd, name);
      this.#whiteouts.push(path);
    } else if ((status.mode & S_IFMT) === S_IFDIR) {
      setXattr(Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]), opaqueXattr, Buffer.from('y'));
    }
    this.#target.index.add({ type: 'whiteout', path });
  }

  #attributes(header: TarHeader, path: RawPath): NewAttributes {
    const { uid, gid } = this.#target.owners.of(header, path);
    return { mode: header.mode, uid, gid, mtime: header.mtime, xattrs: xattrsOnDisk(header) };
  }
}

function indexEntry(header: TarHeader, path: RawPath, { digest, target }: PlacedEntry): LayerEntry {
  const { mode, uid, gid, mtime, major, minor, type } = header;
  const common = { path, mode, uid, gid, mtime, ...encodeXattrs(xattrsOnDisk(header)) };
  switch (type) {
    case 'file':
      return { type, ...common, size: header.size, digest };
    case 'symlink':
      return { type, ...common, target: header.target };
    case 'hardlink':
      return { type, ...common, target };
    case 'char':
    case 'block':
      return { type, ...common, major, minor };
    case 'directory':
    case 'fifo':
      return { type, ...common };
    default:
      return unreachable(type);
  }
}
