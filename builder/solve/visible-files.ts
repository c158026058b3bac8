import { createHash } from 'node:crypto';
import type { Snapshot } from '../../cache/snapshots/snapshot-store.ts';
import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { isDigest } from '../../registry/oci/digest.ts';
import { Pace } from '../../registry/oci/pace.ts';
import { folderOf, joinPath, type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { writeCopyList } from '../context/copy-list.ts';
import type { PlannedGroup } from '../context/copy-plan.ts';
import { type CopyEntries, changedEntries } from '../context/taken-files.ts';
import type { FileTree } from '../context/tree.ts';
import { copyDigest } from '../keys/copy-digest.ts';
import type { RootState } from '../layers/root-state.ts';
import { isLarge } from './large-copy.ts';
import { makeLayer, wholeCopy } from './make-layer.ts';
import type { StageSolving } from './solved-stage.ts';

const wholeEntries = { replacesOwner: false, replacesMode: false, isArchive: false } as const;

export interface FilteredFiles {
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
export async function visibleFiles(group: PlannedGroup, filtered: FilteredFiles): Promise<readonly string[]> {
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

function timesOf(entries: CopyEntries): string {
  const hash = createHash('sha256');
  for (const { mtime } of entries) hash.update(`${mtime} `);
  return hash.digest('hex');
}

async function copyIntoLayer(
  entries: CopyEntries,
  { folder, time }: Pick<FilteredFiles, 'folder' | 'time'>,
  { solving }: StageSolving,
): Promise<Snapshot> {
  const list = await solving.store.newPath();
  await writeCopyList(list, entries);
  const source = { kind: 'directory', path: folder } as const;
  const group = { source, list, entries: entries.length, sourceType: 'directory', name: '', isArchive: false } as const;
  // With parents kept, the list says where below the destination everything goes.
  const action = wholeCopy([{ ...group, keepsParents: true }], time);
  const { snapshot } = await makeLayer({ action, lowers: [], parent: undefined, mayPack: isLarge(action) }, solving);
  return snapshot;
}

/** The entries at their places in the tree, with the folders on the way. */
function entriesFromRoot({ path, entries }: PlannedGroup, tree: FileTree): CopyEntries {
  const folders: CopyEntry[] = [];
  for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) {
    const { mode = 0o755, uid = 0, gid = 0, mtime = 0 } = tree.lookup(folder) ?? {};
    folders.unshift({ type: 'directory', from: folder, to: folder, mode, uid, gid, mtime });
  }
  const below = changedEntries(entries, (entry) => (path === '' && entry.to === '' ? undefined : movedBelow(path, entry)));
  return {
    length: folders.length + below.length,
    *[Symbol.iterator]() {
      yield* folders;
      yield* below;
    },
  };
}

function movedBelow(path: RawPath, entry: CopyEntry): CopyEntry {
  const to = path === '' ? entry.to : joinPath(path, rawPath(entry.to));
  return entry.type === 'hardlink' ? { ...entry, to, target: joinPath(path, entry.target) } : { ...entry, to };
}
