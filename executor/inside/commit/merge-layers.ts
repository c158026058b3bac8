import { lstatSync, mkdirSync } from 'node:fs';
import { AT, AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../../../native/constants.ts';
import { close, fstatat, openat, readDirectory } from '../../../native/files.ts';
import { getXattr, setXattr } from '../../../native/xattrs.ts';
import { Pace } from '../../../registry/oci/pace.ts';
import type { Lowers } from '../../protocol/actions.ts';
import { cloneEntry, copyAttributes, type TreeClone } from '../files/clone-tree.ts';
import { removeTreeAt } from '../files/remove-tree.ts';
import { isWhiteout, makeWhiteout, opaqueXattr } from '../layer/whiteouts.ts';

/**
 * Fills an empty layer folder with what several layers change together, lowest first. Deletions stay deletions, also of what only the
 * layers themselves have had: whoever commits the folder leaves out those that have nothing to delete. Neither folder may change meanwhile.
 */
export async function mergeLayers(layers: Lowers, target: string, signal: AbortSignal): Promise<void> {
  const pace = new Pace(signal);
  for (const layer of layers) await mergeFolder(Buffer.from(layer), Buffer.from(target), { copied: new Map(), pace });
}

async function mergeFolder(from: Buffer, to: Buffer, copying: TreeClone): Promise<void> {
  const [source, target] = [openFolder(from), openFolder(to)];
  try {
    for (const { name } of readDirectory(source)) {
      if (copying.pace.isDue()) await copying.pace.turn();
      const entry: Entry = { name, from: below(from, name), to: below(to, name), target };
      if (isWhiteout(fstatat(source, name, AT.SYMLINK_NOFOLLOW))) {
        await removeTreeAt(target, name, copying.pace);
        makeWhiteout(target, name);
      } else if (lstatSync(entry.from).isDirectory()) {
        await makeFolder(entry, copying.pace);
        await mergeFolder(entry.from, entry.to, copying);
      } else {
        await removeTreeAt(target, name, copying.pace);
        await cloneEntry(entry.from, entry.to, copying);
      }
    }
  } finally {
    close(source);
    close(target);
  }
  copyAttributes(from, to, lstatSync(from));
}

/** A name in a folder of a layer, and in the same folder of the result. */
interface Entry {
  readonly name: Uint8Array;
  readonly from: Buffer;
  readonly to: Buffer;
  /** The folder of the result, open. */
  readonly target: number;
}

/** A folder joins one that is there. It hides what is below when the layer says so, or when it takes the place of something else. */
async function makeFolder({ name, from, to, target }: Entry, pace: Pace): Promise<void> {
  const present = lstatSync(to, { throwIfNoEntry: false });
  const isOpaque = getXattr(from, opaqueXattr) !== undefined;
  if (present?.isDirectory() === true && !isOpaque) return;
  await removeTreeAt(target, name, pace);
  mkdirSync(to);
  if (isOpaque || present !== undefined) setXattr(to, opaqueXattr, Buffer.from('y'));
}

function openFolder(folder: Buffer): number {
  return openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

function below(folder: Buffer, name: Uint8Array): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name]);
}
