import { createHash } from 'node:crypto';
import type { Snapshot } from '../../cache/snapshot-store.ts';
import type { TreeSource } from '../../executor/protocol/actions.ts';
import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { chainIdOf, isDigest } from '../../registry/oci/digest.ts';
import { Pace } from '../../registry/oci/pace.ts';
import { folderOf, joinPath, type RawPath, rawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import { writeCopyList } from '../context/copy-list.ts';
import { type PlannedGroup, planTree } from '../context/copy-plan.ts';
import { SourceError } from '../context/errors.ts';
import type { FileTree, TreeEntry } from '../context/tree.ts';
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
    const tree = await source.tree();
    const group = await planTree(tree, path, signal);
    const shown = source.context === undefined ? group : withoutChannels(group, tree, path);
    const described = await copyDigest(shown.entries, { ...wholeEntries, pace: new Pace(signal) });
    return { group: shown, ...described, isWhole: shown.entries.length === group.entries.length };
  });
  const digest = await remembered(source.identity && ['mount', 1, source.identity, path], store, {
    compute: async () => (await planned()).digest,
    isValue: (value) => typeof value === 'string',
  });
  return {
    digest,
    inputs: async () => (await planned()).inputs(),
    place: async () => {
      if (source.context === undefined) return { source: await source.treeSource(), path };
      const { tree, folder, isFiltered } = source.context;
      const { group, isWhole } = await planned();
      if (!isFiltered && isWhole && isOwn(group, tree)) return { source: await source.treeSource(), path };
      const lowers = await visibleFiles(group, { tree, folder, around, time: isFiltered ? 'constant' : 'source' });
      return { source: { kind: 'rootfs', lowers }, path: `/${textOfPath(group.path)}` };
    },
  };
}

/** Sockets, pipes and devices lead to what runs on this machine, whatever the mount's flags. They are not files to build from. */
function withoutChannels(group: PlannedGroup, tree: FileTree, path: string): PlannedGroup {
  const entries = group.entries.filter(({ from }) => !isChannel(tree.lookup(from)));
  if (entries.length > 0) return { ...group, entries };
  throw new SourceError('missing', `Cannot mount "${path}" from ${tree.name}: it is neither a file nor a folder`);
}

function isChannel(entry: TreeEntry | undefined): boolean {
  return entry !== undefined && entry.type !== 'file' && entry.type !== 'directory' && entry.type !== 'symlink';
}

/** True when all that a mount shows, and the folders on the way, would be root's own for a command. The context's own folder never shows. */
function isOwn({ path, entries }: PlannedGroup, tree: FileTree): boolean {
  for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) {
    if (tree.lookup(folder)?.isApart === true) return false;
  }
  return entries.every(({ from }) => from === '' || tree.lookup(from)?.isApart !== true);
}

interface Filtered {
  readonly tree: FileTree;
  readonly folder: string;
  readonly around: StageSolving;
  /** What a filtered context shows has one time; else the files have their own, as where the folder itself is mounted. */
  readonly time: 'constant' | 'source';
}

/**
 * What a mount shows as a layer: of a context with ignore rules what they leave, since the folder as it is would show a RUN files that are not
 * in its key; of one with files of other owners the same files as root's, whoever they belong to. The layer stays in the store for the next time.
 */
async function visibleFiles(group: PlannedGroup, filtered: Filtered): Promise<readonly string[]> {
  const { tree, folder, around, time } = filtered;
  const { store, folders, signal } = around.solving;
  const entries = entriesFromRoot(group, tree);
  const { digest } = await copyDigest(entries, { ...wholeEntries, pace: new Pace(signal) });
  const times = time === 'constant' ? [] : [timesOf(entries)];
  const name = JSON.stringify(['visible files', 1, digest, ...times]);
  const known = await store.derived.get(name);
  const kept = known !== undefined && isDigest(known) ? await store.snapshots.get(known) : undefined;
  const { chainId, facts } = kept ?? (await copyIntoLayer(entries, { folder, time }, around));
  if (kept === undefined) await store.derived.put(name, chainId);
  // A COPY of the same files may have left them packed.
  const root: RootState = { layers: [{ kind: 'built', chainId, facts }] };
  return folders.lowersOf(root, { signal, onProgress: () => undefined });
}

function timesOf(entries: readonly CopyEntry[]): string {
  const hash = createHash('sha256');
  for (const { mtime } of entries) hash.update(`${mtime} `);
  return hash.digest('hex');
}

async function copyIntoLayer(
  entries: readonly CopyEntry[],
  { folder, time }: Pick<Filtered, 'folder' | 'time'>,
  { solving }: StageSolving,
): Promise<Snapshot> {
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
        time,
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
