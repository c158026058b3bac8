import type { Action } from '../../executor/protocol/actions.ts';
import { chainIdOf } from '../../registry/oci/digest.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { writeCopyList } from '../context/copy-list.ts';
import { planTree } from '../context/copy-plan.ts';
import { LayersTree } from '../context/layers-tree.ts';
import { chainIdOfRoot, emptyRoot, type RootState, withLayer } from '../layers/root-state.ts';
import type { Plan } from '../plan/model/plan.ts';
import type { Session } from './build-session.ts';
import { makeLayer, wholeCopy } from './make-layer.ts';
import { remembered } from './planned-files.ts';

/** The root file system of the target with the layers as one that the options say. */
export async function squash(root: RootState, plan: Plan, session: Session): Promise<RootState> {
  switch (session.options.squash) {
    case undefined:
      return root;
    case 'all':
      return withOneLayer({ root, base: emptyRoot, action: () => copyOfAll(root, session) }, session);
    case 'new': {
      const base: RootState = { layers: root.layers.slice(0, baseLayers(plan)) };
      return withOneLayer({ root, base, action: () => mergeOfNew(root, base, session) }, session);
    }
    default:
      return unreachable(session.options.squash);
  }
}

/** How many layers the base image has that the target starts from, over other stages or not. */
function baseLayers({ stages, target }: Plan): number {
  let base = stages[target]?.base;
  while (base?.kind === 'stage') base = stages[base.stage]?.base;
  return base?.kind === 'image' ? base.image.manifest.layers.length : 0;
}

interface SquashJob {
  readonly root: RootState;
  /** What stays as it is. */
  readonly base: RootState;
  /** What makes the one layer on top of it. */
  readonly action: () => Promise<Action>;
}

async function withOneLayer({ root, base, action }: SquashJob, session: Session): Promise<RootState> {
  if (root.layers.length - base.layers.length < 2) return root;
  const parent = chainIdOfRoot(base);
  const { range } = session.ids;
  const name = ['squash', session.options.squash, parent ?? '', chainIdOfRoot(root), ...(range === undefined ? [] : [range])];
  const squashed = async (): Promise<LayerFacts> => layerOn(base, await action(), session);
  const facts = await remembered(name, session.store, { compute: squashed, isValue: isLayerFacts });
  // The answer is remembered for longer than the layer, which may have been pruned.
  const isThere = (await session.store.snapshots.get(chainIdOf(parent, facts.diffId))) !== undefined;
  return withLayer(base, isThere ? facts : await squashed());
}

async function layerOn(base: RootState, action: Action, session: Session): Promise<LayerFacts> {
  const { signal } = session.failure;
  const lowers = await session.folders.lowersOf(base, { signal, onProgress: () => undefined });
  const { facts } = await makeLayer({ action, lowers, parent: chainIdOfRoot(base) }, { ...session, signal });
  return facts;
}

/** The layers of the build are merged with their deletions. */
async function mergeOfNew(root: RootState, base: RootState, session: Session): Promise<Action> {
  const lowers = await session.folders.wholeLowersOf(root, { signal: session.failure.signal, onProgress: () => undefined });
  return { kind: 'merge', layers: lowers.slice(base.layers.length) };
}

/** Everything is copied by the indexes, since not every id of a base image need exist here. */
async function copyOfAll(root: RootState, session: Session): Promise<Action> {
  const { store } = session;
  const lowers = await session.folders.wholeLowersOf(root, { signal: session.failure.signal, onProgress: () => undefined });
  const chain = await store.snapshots.chainOf(chainIdOfRoot(root));
  const tree = new LayersTree('the image', await Promise.all(chain.map((snapshot) => store.snapshots.loadIndex(snapshot))));
  const group = await planTree(tree, '/', session.failure.signal);
  const list = await store.newPath();
  await writeCopyList(list, group.entries);
  const source = { kind: 'rootfs', lowers } as const;
  const entries = group.entries.length;
  const whole = { source, list, entries, sourceType: 'directory', name: '', keepsParents: false, isArchive: false } as const;
  return wholeCopy([whole], 'source');
}

function isLayerFacts(value: unknown): value is LayerFacts {
  if (typeof value !== 'object' || value === null) return false;
  const { diffId, sizeBytes, entries }: Partial<Record<keyof LayerFacts, unknown>> = value;
  return (
    typeof diffId === 'string' &&
    /^sha256:[0-9a-f]{64}$/.test(diffId) &&
    typeof sizeBytes === 'number' &&
    typeof entries === 'number'
  );
}
