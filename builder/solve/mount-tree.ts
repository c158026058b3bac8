import type { Snapshot } from '../../cache/snapshot-store.ts';
import type { TreeSource } from '../../executor/protocol/actions.ts';
import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { chainIdOf, isDigest } from '../../registry/oci/digest.ts';
import { Pace } from '../../registry/oci/pace.ts';
import { folderOf, joinPath, type RawPath, rawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import { writeCopyList } from '../context/copy-list.ts';
import { type PlannedGroup, planTree } from '../context/copy-plan.ts';
import type { FileTree } from '../context/tree.ts';
import { copyDigest } from '../keys/copy-digest.ts';
import type { SourceRef } from '../plan/plan.ts';
import { once } from './once.ts';
import { remembered } from './planned-files.ts';
import type { RootState } from './root-state.ts';
import type { StageSolving } from './solved-stage.ts';
import { openSource } from './source-trees.ts';

/** A part of a source that is mounted. */
export interface MountTree {
  /** Of all that can be seen through the mount. */
  readonly digest: string;
  readonly inputs: () => Promise<readonly string[]>;
  /** Where the worker finds it. */
  readonly place: () => Promise<{ readonly source: TreeSource; readonly path: string }>;
}

const wholeEntries = { replacesOwner: false, replacesMode: false, isArchive: false } as const;

/** Finds what a mount shows. Throws SourceError when it is not there. */
export async function openMountTree(from: SourceRef, path: string, around: StageSolving): Promise<MountTree> {
  const source = await openSource(from, around);
  const { store, signal } = around.solving;
  const planned = once(async () => {
    const group = await planTree(await source.tree(), path, signal);
    return { group, ...(await copyDigest(group.entries, { ...wholeEntries, pace: new Pace(signal) })) };
  });
  const digest = await remembered(source.identity && ['mount', 1, source.identity, path], store, {
    compute: async () => (await planned()).digest,
    isValue: (value) => typeof value === 'string',
  });
  return {
    digest,
    inputs: async () => (await planned()).inputs(),
    place: async () => {
      if (source.context?.isFiltered !== true) return { source: await source.treeSource(), path };
      const { group } = await planned();
      const lowers = await visibleFiles(group, { tree: source.context.tree, folder: source.context.folder, around });
      return { source: { kind: 'rootfs', lowers }, path: `/${textOfPath(group.path)}` };
    },
  };
}

interface Filtered {
  readonly tree: FileTree;
  readonly folder: string;
  readonly around: StageSolving;
}

/**
 * A context with ignore rules as a layer of what they leave: mounted as it is, the folder would show a RUN files that are not in its key.
 * The layer stays in the store for the next time.
 */
async function visibleFiles(group: PlannedGroup, { tree, folder, around }: Filtered): Promise<readonly string[]> {
  const { store, folders, signal } = around.solving;
  const entries = entriesFromRoot(group, tree);
  const { digest } = await copyDigest(entries, { ...wholeEntries, pace: new Pace(signal) });
  const name = JSON.stringify(['visible files', 1, digest]);
  const known = await store.derived.get(name);
  const kept = known !== undefined && isDigest(known) ? await store.snapshots.get(known) : undefined;
  const { chainId, facts } = kept ?? (await copyIntoLayer(entries, folder, around));
  if (kept === undefined) await store.derived.put(name, chainId);
  // A COPY of the same files may have left them packed.
  const root: RootState = { layers: [{ kind: 'built', chainId, facts }] };
  return folders.lowersOf(root, { signal, onProgress: () => undefined });
}

async function copyIntoLayer(entries: readonly CopyEntry[], folder: string, { solving }: StageSolving): Promise<Snapshot> {
  const { store, worker, signal } = solving;
  const list = await store.newPath();
  await writeCopyList(list, entries);
  const [client, directory, buildStartNs] = await Promise.all([worker.get(), store.snapshots.prepare(), solving.buildStartNs()]);
  const facts = await client.request(
    {
      kind: 'step',
      action: {
        kind: 'copy',
        // With parents kept, the list says where below the destination everything goes.
        groups: [
          {
            source: { kind: 'directory', path: folder },
            list,
            entries: entries.length,
            sourceType: 'directory',
            name: '',
            keepsParents: true,
            isArchive: false,
          },
        ],
        destination: '/',
        owner: undefined,
        mode: undefined,
        isLink: false,
        time: 'constant',
      },
      directory,
      lowers: [],
      buildStartNs,
    },
    { signal },
  );
  const chainId = chainIdOf(undefined, facts.diffId);
  return store.snapshots.commit(directory, { chainId, parent: undefined, facts });
}

/** The entries at their places in the tree, with the folders on the way. */
function entriesFromRoot({ path, entries }: PlannedGroup, tree: FileTree): readonly CopyEntry[] {
  const folders: CopyEntry[] = [];
  for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) {
    const { mode = 0o755, uid = 0, gid = 0, mtime = 0 } = tree.lookup(folder) ?? {};
    folders.unshift({ type: 'directory', from: folder, to: folder, mode, uid, gid, mtime });
  }
  return [...folders, ...entries.filter(({ to }) => path !== '' || to !== '').map((entry) => movedBelow(path, entry))];
}

function movedBelow(path: RawPath, entry: CopyEntry): CopyEntry {
  const to = path === '' ? entry.to : joinPath(path, rawPath(entry.to));
  return entry.type === 'hardlink' ? { ...entry, to, target: joinPath(path, entry.target) } : { ...entry, to };
}
