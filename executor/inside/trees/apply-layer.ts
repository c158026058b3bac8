import { AT, S_IFDIR, S_IFMT } from '../../../native/constants.ts';
import { fstatat, fstatatIfExists, readDirectory } from '../../../native/files.ts';
import { fgetXattr } from '../../../native/xattrs.ts';
import { joinPath, pathOfBytes, type RawPath } from '../../../registry/oci/raw-path.ts';
import type { NameInFolder } from '../files/new-file.ts';
import { removeInSteps } from '../files/remove-tree.ts';
import { isWhiteout, opaqueXattr } from '../layer/whiteouts.ts';
import { copyOpenAttributes } from './copy-leaf.ts';
import { makeFolderIn, openFolderIn, withFolders } from './folders.ts';
import { inOne, type TreeTask } from './tree-task.ts';

/** Puts a file of a layer, which is no folder, at a name that is free. */
type LeafPlacer = (from: NameInFolder, to: NameInFolder, path: RawPath) => TreeTask;

/** What happens where something of a layer gets into a tree. */
export interface LayerPlacing {
  readonly placeLeaf: LeafPlacer;
  /** A folder was made, which is open. */
  readonly onFolder?: (fd: number, path: RawPath) => void;
}

/** A folder of a layer, the same folder of the tree, and its path in both. */
interface FolderPair {
  readonly layer: number;
  readonly tree: number;
  readonly path: RawPath;
}

/** Changes a tree as a layer says: what the layer has replaces what is there, whiteouts and opaque folders take away. Both are open folders. */
export function* applyLayer(pair: FolderPair, placing: LayerPlacing): TreeTask {
  for (const { name } of readDirectory(pair.layer)) {
    yield;
    yield* applyEntry(pair, name, placing);
  }
  copyOpenAttributes(pair.layer, pair.tree);
}

function* applyEntry({ layer, tree, path }: FolderPair, name: Buffer, placing: LayerPlacing): TreeTask {
  const [from, to] = [
    { fd: layer, name },
    { fd: tree, name },
  ];
  const status = fstatat(layer, name, AT.SYMLINK_NOFOLLOW);
  const entryPath = joinPath(path, pathOfBytes(name));
  if ((status.mode & S_IFMT) === S_IFDIR) {
    yield* applyFolder(from, to, { path: entryPath, placing });
    return;
  }
  yield* inOne(removeInSteps(tree, name));
  if (!isWhiteout(status)) yield* placing.placeLeaf(from, to, entryPath);
}

interface FolderPlace {
  readonly path: RawPath;
  readonly placing: LayerPlacing;
}

function* applyFolder(from: NameInFolder, to: NameInFolder, { path, placing }: FolderPlace): TreeTask {
  const layer = openFolderIn(from);
  yield* withFolders([layer], function* () {
    const present = fstatatIfExists(to.fd, to.name, AT.SYMLINK_NOFOLLOW);
    const isKept = present !== undefined && (present.mode & S_IFMT) === S_IFDIR && !isOpaque(layer);
    if (!isKept) yield* inOne(removeInSteps(to.fd, to.name));
    const tree = isKept ? openFolderIn(to) : makeFolderIn(to);
    yield* withFolders([tree], function* () {
      if (!isKept) placing.onFolder?.(tree, path);
      yield applyLayer({ layer, tree, path }, placing);
    });
  });
}

function isOpaque(fd: number): boolean {
  return fgetXattr(fd, opaqueXattr)?.toString() === 'y';
}
