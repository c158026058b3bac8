import pLimit from 'p-limit';
import type { CopyGroup, TreeSource } from '../../executor/protocol/actions.ts';
import { bytesOfPath } from '../../registry/oci/raw-path.ts';
import { chooseCopiedFiles, type PlannedGroup } from '../context/copy-plan.ts';
import { isGone } from '../context/unreadable.ts';
import { isArchiveFile } from '../inputs/archive-magic.ts';
import { allLines } from '../keys/copy-digest.ts';
import type { OnProgress } from '../layers/root-folders.ts';
import { remoteKindOf } from '../plan/instructions/plan-copy.ts';
import type { PlannedAdd, PlannedSource } from '../plan/model/plan.ts';
import { type AddedFiles, type AddJob, groupsOfFolder } from './added-files.ts';
import { copyOf, copySource, filesAtOnce } from './prepare-copy.ts';
import type { PreparedStep } from './prepared-step.ts';
import type { StageSolving } from './solved-stage.ts';
import { openStepSource } from './source-trees.ts';

/**
 * ADD: local files as COPY takes them, with archives unpacked unless `--unpack=false`; files of URLs, and the files of repositories.
 *
 * @throws SourceError for a source that cannot be had
 */
export async function prepareAdd(action: PlannedAdd, around: StageSolving, onProgress: OnProgress): Promise<PreparedStep> {
  const adding: AddJob = { action, around, onProgress };
  const parts: AddedFiles[] = [];
  for (const sources of runsOf(action.sources)) parts.push(await addedFiles(sources, adding));
  // The action has one time for all: when a URL says when its file was changed, the others say T0 file by file.
  const time = parts.some((part) => part.time === 'source') ? 'source' : 'constant';
  return {
    action: copyOf(
      action,
      parts.flatMap(({ keyed }) => keyed),
      time,
    ),
    inputs: async () => allLines(await Promise.all(parts.map(({ inputs }) => inputs()))),
    materialise: async () => {
      const groups: CopyGroup[] = [];
      for (const part of parts) groups.push(...(await part.materialise(time)));
      return copyOf(action, groups, time);
    },
  };
}

/** Sources in their order, local ones that follow each other together. */
function runsOf(sources: readonly PlannedSource[]): readonly (readonly PlannedSource[])[] {
  const runs: PlannedSource[][] = [];
  for (const source of sources) {
    const last = runs.at(-1);
    if (last?.[0] !== undefined && kindOf(last[0]) === 'local' && kindOf(source) === 'local') last.push(source);
    else runs.push([source]);
  }
  return runs;
}

function kindOf(source: PlannedSource): 'git' | 'http' | 'local' {
  return (source.kind === 'path' ? remoteKindOf(source.path) : undefined) ?? 'local';
}

async function addedFiles(sources: readonly PlannedSource[], adding: AddJob): Promise<AddedFiles> {
  const [first] = sources;
  const kind = first === undefined ? 'local' : kindOf(first);
  if (first?.kind !== 'path' || kind === 'local') return localFiles(sources, adding);
  const { addRepository, addUrl } = await import('./prepare-add-remote.ts');
  return kind === 'git' ? addRepository(first.path, adding) : addUrl(first.path, adding);
}

async function localFiles(sources: readonly PlannedSource[], { action, around }: AddJob): Promise<AddedFiles> {
  const source = await openStepSource({ kind: 'context', name: undefined }, around);
  const { excludes, unpacks } = action;
  const planned = await chooseCopiedFiles(await source.tree(), {
    sources: sources.map(copySource),
    excludes,
    keepsParents: false,
    signal: around.solving.signal,
  });
  const root = await source.treeSource();
  const limit = pLimit(filesAtOnce);
  const groups = await Promise.all(
    planned.map((group) => limit(async () => ({ ...group, isArchive: unpacks !== false && (await isArchive(group, root)) }))),
  );
  return groupsOfFolder(groups, root, { action, around });
}

async function isArchive(group: PlannedGroup, root: TreeSource): Promise<boolean> {
  const [entry] = group.entries;
  if (group.sourceType !== 'file' || root.kind !== 'directory' || entry?.type !== 'file' || entry.inline !== undefined) {
    return false;
  }
  const slash = root.path === '/' ? '' : '/';
  try {
    return await isArchiveFile(Buffer.concat([Buffer.from(`${root.path}${slash}`), bytesOfPath(entry.from)]));
  } catch (error) {
    // Whoever copies it finds that it has vanished.
    if (isGone(error)) return false;
    throw error;
  }
}
