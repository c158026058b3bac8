import type { CopyAction, CopyGroup, TreeSource } from '../../executor/protocol/actions.ts';
import type { CopySource } from '../context/copy-plan.ts';
import { isOctalMode } from '../keys/copy-digest.ts';
import type { KeyedGroup } from '../keys/keyed-action.ts';
import type { OnProgress } from '../layers/root-folders.ts';
import type { PlannedAdd, PlannedCopy, PlannedSource } from '../plan/model/plan.ts';
import { type DecidedGroup, planFiles, timedKey, withTime } from './planned-files.ts';
import type { PreparedStep } from './prepared-step.ts';
import type { StageSolving } from './solved-stage.ts';
import { openStepSource } from './source-trees.ts';

/** COPY. @throws SourceError for a source that cannot be taken */
export async function prepareCopy(action: PlannedCopy, around: StageSolving, onProgress: OnProgress): Promise<PreparedStep> {
  const source = await openStepSource(action.from, around, onProgress);
  const { mtime } = source;
  const { excludes, keepsParents } = action;
  const request = { sources: action.sources.map(copySource), excludes, keepsParents, ...replacesOf(action) };
  const files = await planFiles(source, request, around.solving);
  return {
    action: copyOf(action, mtime === undefined ? files.keyed : files.keyed.map((keyed) => timedKey(keyed, mtime)), source.time),
    inputs: files.inputs,
    materialise: async () => {
      const found = await files.groups();
      const groups = mtime === undefined ? found : found.map((group) => withTime(group, mtime));
      const tree = await source.treeSource();
      return copyOf(action, await writeGroups(groups, tree, around), source.time);
    },
  };
}

/** What --chown and an octal --chmod take out of the key. */
export function replacesOf({ owner, mode }: PlannedCopy | PlannedAdd): { replacesOwner: boolean; replacesMode: boolean } {
  return { replacesOwner: owner !== undefined, replacesMode: isOctalMode(mode) };
}

/** A COPY or ADD as its key sees it, or as the worker gets it: they differ in what is said of the files. */
export function copyOf<Group extends KeyedGroup | CopyGroup>(
  { destination, owner, mode, isLink }: PlannedCopy | PlannedAdd,
  groups: readonly Group[],
  time: CopyAction['time'],
): Omit<CopyAction, 'groups'> & { readonly groups: readonly Group[] } {
  return { kind: 'copy', groups, destination, owner, mode, isLink, time };
}

/** Writes the lists of groups, for the worker. */
export async function writeGroups(
  groups: readonly DecidedGroup[],
  source: TreeSource,
  around: StageSolving,
): Promise<readonly CopyGroup[]> {
  const { lists, signal } = around.solving;
  const { file: list, parts } = await lists.write(
    groups.map(({ entries }) => entries),
    signal,
  );
  return groups.map(({ entries, name, sourceType, keepsParents, isArchive }, index) => {
    const listed = { source, list, part: parts[index], entries: entries.length };
    return { ...listed, sourceType, name, keepsParents, isArchive };
  });
}

/** More would make nothing faster, and descriptors are few: 1024 for a process on many machines. */
export const filesAtOnce = 16;

/** A planned source as planCopy() takes it. */
export function copySource(source: PlannedSource): CopySource {
  if (source.kind === 'path') return { kind: 'path', path: source.path };
  return { kind: 'heredoc', name: source.heredoc.name, text: source.text };
}
