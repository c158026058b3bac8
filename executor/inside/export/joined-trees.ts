import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../../native/constants.ts';
import { close, openat } from '../../../native/files.ts';
import { constantTimeSeconds } from '../../../registry/oci/layer/constant-time.ts';
import { joinPath, pathOfText, type RawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import { type TarHeader, tarHeader } from '../../../registry/oci/tar/header.ts';
import type { ExportedTree } from '../../protocol/messages.ts';
import { timeAtEpoch } from '../files/file-times.ts';
import { mountRootfs } from '../overlay/rootfs.ts';
import { Refusal } from '../request/failure.ts';
import type { RequestContext } from '../request/request-context.ts';
import { readTree, type TreeFile } from './read-tree.ts';
import { TreeSources, withSourceTimes } from './source-times.ts';

/**
 * The files of several root file systems as those of one tree. Each is mounted while its files are asked for. Trees without a folder of
 * their own lie over one another: folders are merged, and what two of them have otherwise is refused.
 */
export function* joinedTrees(trees: readonly ExportedTree[], context: RequestContext): Generator<TreeFile, void, undefined> {
  const places = new Map<RawPath, Occupant>();
  for (const tree of trees) {
    const files = filesOf(tree, context);
    if (tree.folder !== undefined) yield* below(tree.folder, files, tree.epoch);
    else yield* trees.length === 1 ? files : besides(places, files, tree.platform);
  }
}

/** Who put what at a path of merged trees. */
interface Occupant {
  readonly platform: string;
  readonly isFolder: boolean;
}

function* filesOf({ lowers, epoch }: ExportedTree, context: RequestContext): Generator<TreeFile, void, undefined> {
  using rootfs = mountRootfs({ lowers, context });
  const rootFd = openat(AT_FDCWD, rootfs.path, O_RDONLY | O_DIRECTORY);
  try {
    yield* epoch === undefined ? readTree(rootFd) : atEpoch(rootFd, epoch);
  } finally {
    close(rootFd);
  }
}

function* atEpoch(rootFd: number, epoch: number): Generator<TreeFile, void, undefined> {
  for (const { header, ...rest } of withSourceTimes(readTree(rootFd), new TreeSources(rootFd, epoch))) {
    yield { ...rest, header: { ...header, mtime: timeAtEpoch(header.mtime, epoch) } };
  }
}

function at(epoch: number | undefined, mtime: number): number {
  return epoch === undefined ? mtime : timeAtEpoch(mtime, epoch);
}

function* below(name: string, files: Iterable<TreeFile>, epoch: number | undefined): Generator<TreeFile, void, undefined> {
  const folder = pathOfText(name);
  const mtime = at(epoch, constantTimeSeconds);
  yield { header: tarHeader({ path: folder, type: 'directory', mode: 0o755, mtime }), fd: undefined };
  for (const { header, ...rest } of files) yield { ...rest, header: moved(header, folder) };
}

function moved(header: TarHeader, folder: RawPath): TarHeader {
  const { path, type, target } = header;
  return {
    ...header,
    path: joinPath(folder, path),
    target: type === 'hardlink' ? joinPath(folder, target) : target,
  };
}

function* besides(
  places: Map<RawPath, Occupant>,
  files: Iterable<TreeFile>,
  platform: string,
): Generator<TreeFile, void, undefined> {
  for (const file of files) {
    const { path, type } = file.header;
    const isFolder = type === 'directory';
    const present = places.get(path);
    if (present === undefined) {
      places.set(path, { platform, isFolder });
      yield file;
    } else if (!isFolder || !present.isFolder) {
      const message = `Cannot write "${textOfPath(path)}" of ${platform}: ${present.platform} has written it already`;
      throw new Refusal('not-supported', message, 'Give each platform a folder of its own: leave out platform-split=false');
    }
  }
}
