import { open } from 'node:fs/promises';
import path from 'node:path';
import type { CopyAction, CopyGroup, TreeSource } from '../../executor/protocol/actions.ts';
import { bytesOfPath } from '../../registry/oci/raw-path.ts';
import { writeCopyList } from '../context/copy-list.ts';
import { type CopySource, type PlannedGroup, planCopy } from '../context/copy-plan.ts';
import { copyDigest, isOctalMode } from '../keys/copy-digest.ts';
import type { KeyedCopy } from '../keys/keyed-action.ts';
import type { PlannedAdd, PlannedCopy, PlannedSource } from '../plan/plan.ts';
import { looksLikeArchive, sniffedBytes } from './archive-magic.ts';
import type { PreparedStep } from './prepared-step.ts';
import type { StageSolving } from './solved-stage.ts';
import { type OpenSource, openSource } from './source-trees.ts';

/** A source with everything that is decided about it. */
interface Group extends PlannedGroup {
  readonly isArchive: boolean;
}

/** COPY. Throws SourceError for a source that cannot be taken. */
export async function prepareCopy(action: PlannedCopy, around: StageSolving): Promise<PreparedStep> {
  const source = await openSource(action.from, around);
  const { excludes, keepsParents } = action;
  const groups = await planCopy(source.tree, { sources: action.sources.map(copySource), excludes, keepsParents });
  return preparedTransfer(action, { source, groups: groups.map((group) => ({ ...group, isArchive: false })), around });
}

/** ADD of local files: as COPY, but archives are unpacked unless `--unpack=false`. */
export async function prepareAdd(action: PlannedAdd, around: StageSolving): Promise<PreparedStep> {
  const source = await openSource({ kind: 'context', name: undefined }, around);
  const { excludes } = action;
  const planned = await planCopy(source.tree, { sources: action.sources.map(copySource), excludes, keepsParents: false });
  const root = await source.treeSource();
  const groups = await Promise.all(
    planned.map(async (group) => ({ ...group, isArchive: action.unpacks !== false && (await isArchive(group, root)) })),
  );
  return preparedTransfer(action, { source, groups, around });
}

interface Transfer {
  readonly source: OpenSource;
  readonly groups: readonly Group[];
  readonly around: StageSolving;
}

function preparedTransfer(action: PlannedCopy | PlannedAdd, { source, groups, around }: Transfer): PreparedStep {
  const { destination, owner, mode, isLink } = action;
  const replaces = { replacesOwner: owner !== undefined, replacesMode: isOctalMode(mode) };
  const digests = groups.map((group) => copyDigest(group.entries, { ...replaces, isArchive: group.isArchive }));
  const keyed: KeyedCopy = {
    kind: 'copy',
    groups: groups.map(({ name, sourceType, keepsParents, isArchive }, index) => ({
      digest: digests[index]?.digest ?? '',
      name,
      sourceType,
      keepsParents,
      isArchive,
    })),
    destination,
    owner,
    mode,
    isLink,
    time: source.time,
  };
  return {
    action: keyed,
    inputs: digests.flatMap(({ inputs }) => inputs),
    materialise: async (): Promise<CopyAction> => {
      const tree = await source.treeSource();
      const lists = await Promise.all(groups.map((group) => writeGroup(group, tree, around)));
      return { kind: 'copy', groups: lists, destination, owner, mode, isLink, time: source.time };
    },
  };
}

async function writeGroup(group: Group, source: TreeSource, { solving }: StageSolving): Promise<CopyGroup> {
  const list = await solving.store.newPath();
  await writeCopyList(list, group.entries);
  const { name, sourceType, keepsParents, isArchive } = group;
  return { source, list, sourceType, name, keepsParents, isArchive };
}

function copySource(source: PlannedSource): CopySource {
  if (source.kind === 'path') return { kind: 'path', path: source.path };
  return { kind: 'heredoc', name: source.heredoc.name, text: source.text };
}

async function isArchive(group: PlannedGroup, root: TreeSource): Promise<boolean> {
  const [entry] = group.entries;
  if (group.sourceType !== 'file' || root.kind !== 'directory' || entry?.type !== 'file' || entry.inline !== undefined)
    return false;
  const file = Buffer.concat([Buffer.from(`${path.join(root.path, '/')}`), bytesOfPath(entry.from)]);
  await using handle = await open(file, 'r');
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(sniffedBytes), 0, sniffedBytes, 0);
  return looksLikeArchive(buffer.subarray(0, bytesRead));
}
