import { writeCopyList } from '../context/copy-list.ts';
import { planTree } from '../context/copy-plan.ts';
import { LayersTree } from '../context/layers-tree.ts';
import type { Session } from '../session.ts';
import { chainIdOfRoot, emptyRoot, type RootState, withLayer } from './root-state.ts';

/** One layer with everything that a root file system holds, its base included, as `buildah build --squash` makes it. */
export async function squash(root: RootState, session: Session): Promise<RootState> {
  if (root.layers.length < 2) return root;
  const { store, folders, worker, failure } = session;
  const { signal } = failure;
  const lowers = await folders.lowersOf(root, { signal, onProgress: () => undefined });
  const chain = await store.snapshots.chainOf(chainIdOfRoot(root));
  const tree = new LayersTree('the image', await Promise.all(chain.map((snapshot) => store.snapshots.loadIndex(snapshot))));
  const group = await planTree(tree, '/');
  const list = await store.newPath();
  await writeCopyList(list, group?.entries ?? []);
  const directory = await store.snapshots.prepare();
  const client = await worker.get();
  const facts = await client.request(
    {
      kind: 'step',
      directory,
      lowers: [],
      buildStartNs: await session.buildStartNs(),
      action: {
        kind: 'copy',
        groups: [
          { source: { kind: 'rootfs', lowers }, list, sourceType: 'directory', name: '', keepsParents: false, isArchive: false },
        ],
        destination: '/',
        owner: undefined,
        mode: undefined,
        isLink: false,
        time: 'source',
      },
    },
    { signal },
  );
  const squashed = withLayer(emptyRoot, facts);
  await store.snapshots.commit(directory, { chainId: facts.diffId, parent: undefined, facts });
  return squashed;
}
