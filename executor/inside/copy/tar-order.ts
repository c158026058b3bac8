import type { LayerRun } from '../../../registry/oci/layer/layer-run.ts';
import { joinPath, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';
import { refuseWhiteoutName } from '../commit/walk.ts';
import { looksLikeWhiteout } from '../layer/whiteouts.ts';
import { NeedsFolder } from './needs-folder.ts';

/**
 * Sees to it that entries come in the order of a tar: sorted name by name, a folder before what is in it. Lists of main are sorted; those
 * that are not need a folder.
 */
export class TarOrder {
  #last = rawPath('');

  next(path: RawPath): void {
    requireOrder(this.#last, path);
    refuseWhiteoutName(path);
    this.#last = path;
  }

  /** As next() for each of the files. */
  nextRun({ folder, names }: LayerRun): void {
    let last: RawPath | undefined;
    for (const name of names) {
      if (last === undefined || looksLikeWhiteout(name)) {
        this.next(joinPath(folder, name));
      } else if (last >= name) {
        // Names have no slash, so that they sort as their bytes do.
        throw new NeedsFolder();
      }
      last = name;
    }
    this.#last = last === undefined ? this.#last : joinPath(folder, last);
  }
}

function requireOrder(before: RawPath, after: RawPath): void {
  let at = 0;
  while (at < before.length && before.charCodeAt(at) === after.charCodeAt(at)) at += 1;
  if (rank(before, at) >= rank(after, at)) throw new NeedsFolder();
}

/** A path that ends comes first, then one whose name ends. */
function rank(path: RawPath, at: number): number {
  if (at >= path.length) return -2;
  return path[at] === '/' ? -1 : path.charCodeAt(at);
}
