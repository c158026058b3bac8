import type { TreeSource } from '../../executor/protocol/actions.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { LayersTree } from '../context/layers-tree.ts';
import type { FileTree } from '../context/tree.ts';
import type { OpenContext } from '../inputs/context-trees.ts';
import type { OnProgress } from '../layers/root-folders.ts';
import { chainIdOfRoot, emptyRoot, type RootState, rootOfImage } from '../layers/root-state.ts';
import type { PlannedStage, SourceRef } from '../plan/model/plan.ts';
import { once } from '../session/once.ts';
import { type StageSolving, stageAt } from './solved-stage.ts';

/** Where the files of a step come from: what can be asked about them now, and where the worker finds them. */
export interface OpenSource {
  /** What the files are, known without looking at any of them; undefined where only looking can tell. */
  readonly identity: string | undefined;
  /** Files of contexts carry times that say nothing, unless there is one for all, `mtime`. */
  readonly time: 'constant' | 'source';
  readonly mtime?: number | undefined;
  /** A context, for what depends on its being one. */
  readonly context: OpenContext | undefined;
  /** What can be asked about the files. The layers of images are fetched and unpacked now, if they have to be. */
  readonly tree: () => Promise<FileTree>;
  readonly treeSource: () => Promise<TreeSource>;
}

/** Opens a source for a step. Stages are waited for; nothing is fetched before the tree is asked for. */
export async function openStepSource(from: SourceRef, around: StageSolving, onProgress?: OnProgress): Promise<OpenSource> {
  switch (from.kind) {
    case 'context':
      return contextSource(await around.solving.contexts.open(from.name));
    case 'stage': {
      const { root, stage } = await stageAt(around.stages, from.stage);
      return rootSource(root, `stage "${stage.title}"`, { around, onProgress, stage });
    }
    case 'image':
      return rootSource(rootOfImage(from.image), `image "${from.image.reference}"`, { around, onProgress });
    case 'scratch':
      return rootSource(emptyRoot, 'scratch', { around, onProgress });
    default:
      return unreachable(from);
  }
}

/** The files of a folder that is a context. */
function contextSource(context: OpenContext): OpenSource {
  const { tree, folder, mtime } = context;
  const treeSource = async (): Promise<TreeSource> => ({ kind: 'directory', path: folder });
  const time = mtime === undefined ? 'constant' : 'source';
  return { identity: undefined, time, mtime, context, tree: async () => tree, treeSource };
}

interface Surroundings {
  readonly around: StageSolving;
  readonly onProgress: OnProgress | undefined;
  /** Whose root it is; what of its base must be unpacked is shown as the base. */
  readonly stage?: PlannedStage;
}

function rootSource(root: RootState, name: string, { around, onProgress = () => undefined, stage }: Surroundings): OpenSource {
  const { bases, folders, store, signal } = around.solving;
  const lowers = (): Promise<readonly string[]> =>
    stage === undefined ? folders.lowersOf(root, { signal, onProgress }) : bases.lowersOf(root, { stage, signal, onProgress });
  const tree = async (): Promise<FileTree> => {
    // The index of a layer is written when it is unpacked.
    await lowers();
    const chain = await store.snapshots.chainOf(chainIdOfRoot(root));
    const indexes = await Promise.all(chain.map((snapshot) => store.snapshots.loadIndex(snapshot)));
    return new LayersTree(name, indexes);
  };
  return {
    identity: chainIdOfRoot(root) ?? 'scratch',
    time: 'source',
    context: undefined,
    tree: once(tree),
    treeSource: async () => ({ kind: 'rootfs', lowers: await lowers() }),
  };
}
