import type { TreeSource } from '../../executor/protocol/actions.ts';
import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { Pace } from '../../registry/oci/pace.ts';
import { folderOf, textOfPath } from '../../registry/oci/raw-path.ts';
import { type PlannedGroup, planTree } from '../context/copy-plan.ts';
import { SourceError } from '../context/source-error.ts';
import { changedEntries } from '../context/taken-files.ts';
import type { FileTree } from '../context/tree.ts';
import { copyDigest } from '../keys/copy-digest.ts';
import type { SourceRef } from '../plan/model/plan.ts';
import { once } from '../session/once.ts';
import { remembered } from './planned-files.ts';
import type { StageSolving } from './solved-stage.ts';
import { openStepSource } from './source-trees.ts';
import { visibleFiles } from './visible-files.ts';

/** A part of a source that is mounted. */
export interface MountTree {
  /** Of all that can be seen through the mount. */
  readonly digest: string;
  readonly inputs: () => Promise<Iterable<string>>;
  /** Where the worker finds it. */
  readonly place: () => Promise<{ readonly source: TreeSource; readonly path: string }>;
}

const wholeEntries = { replacesOwner: false, replacesMode: false, isArchive: false } as const;

/** Finds what a mount shows. @throws SourceError when it is not there */
export async function openMountTree(from: SourceRef, path: string, around: StageSolving): Promise<MountTree> {
  const source = await openStepSource(from, around);
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
  const entries = changedEntries(group.entries, (entry) => (isChannel(entry) ? undefined : entry));
  if (entries.length > 0) return { ...group, entries };
  throw new SourceError('missing', `Cannot mount "${path}" from ${tree.name}: it is neither a file nor a folder`);
}

/** A socket would be copied as an empty file, which is all that its entry says. */
function isChannel(entry: CopyEntry): boolean {
  const isSocket = entry.type === 'file' && entry.inline !== undefined;
  return isSocket || entry.type === 'fifo' || entry.type === 'char' || entry.type === 'block';
}

/** True when all that a mount shows, and the folders on the way, would be root's own for a command. The context's own folder never shows. */
function isOwn({ path, entries }: PlannedGroup, tree: FileTree): boolean {
  for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) {
    if (tree.lookup(folder)?.isApart === true) return false;
  }
  for (const { from } of entries) if (from !== '' && tree.lookup(from)?.isApart === true) return false;
  return true;
}
