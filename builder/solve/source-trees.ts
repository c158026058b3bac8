import type { TreeSource } from '../../executor/protocol/actions.ts';
import { LayersTree } from '../context/layers-tree.ts';
import type { FileTree } from '../context/tree.ts';
import type { SourceRef } from '../plan/plan.ts';
import { chainIdOfRoot, emptyRoot, type RootState, rootOfImage } from './root-state.ts';
import { type StageSolving, stageAt } from './solved-stage.ts';

/** Where the files of a step come from: what can be asked about them now, and where the worker finds them. */
export interface OpenSource {
  readonly tree: FileTree;
  /** Files of local contexts carry times that say nothing. */
  readonly time: 'constant' | 'source';
  treeSource(): Promise<TreeSource>;
}

/** Opens a source for a step. Stages are waited for; the layers of images are fetched and unpacked when their files are asked for. */
export async function openSource(from: SourceRef, around: StageSolving): Promise<OpenSource> {
  switch (from.kind) {
    case 'context': {
      const tree = await around.solving.contexts.tree(from.name);
      return { tree, time: 'constant', treeSource: async () => ({ kind: 'directory', path: tree.root || '/' }) };
    }
    case 'stage': {
      const { root, stage } = await stageAt(around.stages, from.stage);
      return openRoot(root, `stage "${stage.title}"`, around);
    }
    case 'image':
      return openRoot(rootOfImage(from.image), `image "${from.image.reference}"`, around);
    case 'scratch':
      return openRoot(emptyRoot, 'scratch', around);
    default:
      return unreachable(from);
  }
}

async function openRoot(root: RootState, name: string, { solving }: StageSolving): Promise<OpenSource> {
  const lowers = (): Promise<readonly string[]> =>
    solving.folders.lowersOf(root, { signal: solving.signal, onProgress: () => undefined });
  // The index of a layer is written when it is unpacked.
  await lowers();
  const chain = await solving.store.snapshots.chainOf(chainIdOfRoot(root));
  const indexes = await Promise.all(chain.map((snapshot) => solving.store.snapshots.loadIndex(snapshot)));
  return {
    tree: new LayersTree(name, indexes),
    time: 'source',
    treeSource: async () => ({ kind: 'rootfs', lowers: await lowers() }),
  };
}

function unreachable(value: never): never {
  throw new Error(`Unexpected source ${JSON.stringify(value)}`);
}
