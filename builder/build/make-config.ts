import type { Digest } from '../../registry/oci/digest.ts';
import type { HistoryEntry, ImageConfig } from '../../registry/oci/image-config.ts';
import type { SourceImage } from '../../registry/oci/image-source.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import type { Squash } from '../contract/options.ts';
import type { Plan, PlannedStage, StageIndex } from '../plan/model/plan.ts';
import { plannedStage, stageChain } from '../plan/model/stage-chain.ts';
import { timeText } from './time-text.ts';

/** What a configuration is made of. */
export interface ConfigParts {
  readonly plan: Plan;
  /** Default: the target. */
  readonly stage?: StageIndex;
  /** Of every layer of the finished file system, the base's first; squashed already. */
  readonly diffIds: readonly Digest[];
  /** Seconds since the epoch: `created` of the image. */
  readonly createdSeconds: number;
  /** Seconds since the epoch: `created` of the new history entries. Default: `createdSeconds`. */
  readonly historySeconds?: number;
  /** Which layers became one. */
  readonly squash?: Squash | undefined;
}

/**
 * The configuration of the image that a stage makes. The history is the base image's, then an entry for every instruction of the stages
 * that lead to this one.
 *
 * @throws Error when a time has no RFC 3339 form
 */
export function makeConfig(parts: ConfigParts): ImageConfig {
  const { plan, diffIds, createdSeconds } = parts;
  const chain = stageChain(plan, parts.stage ?? plan.target);
  const stage = plannedStage(plan, parts.stage ?? plan.target);
  const { imagePlatform } = plan;
  return {
    ...imagePlatform,
    ...(stage.author !== undefined && stage.author !== '' && { author: stage.author }),
    created: timeText(createdSeconds),
    config: stage.config,
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: historyOf(chain, parts),
  };
}

function historyOf(chain: readonly PlannedStage[], parts: ConfigParts): readonly HistoryEntry[] {
  const created = timeText(parts.historySeconds ?? parts.createdSeconds);
  const base = chain[0]?.base;
  const old = base?.kind === 'image' ? historyOfImage(base.image) : [];
  const added = chain.flatMap(({ steps }) => steps).map(({ history }) => ({ created, ...history }));
  const all = [...old, ...added];
  const oldLayers = old.filter(({ empty_layer }) => empty_layer !== true).length;
  switch (parts.squash) {
    case undefined:
      return all;
    case 'all':
      return parts.diffIds.length === 0 ? all : squashed(all, created);
    case 'new':
      return parts.diffIds.length === oldLayers ? all : [...old, ...squashed(added, created)];
    default:
      return unreachable(parts.squash);
  }
}

/** The history of a base, with an entry for every layer: some builders write none, but consumers count them. */
function historyOfImage({ config }: SourceImage): readonly HistoryEntry[] {
  const history = config.history ?? [];
  const layers = config.rootfs.diff_ids.length;
  const told = history.filter(({ empty_layer }) => empty_layer !== true).length;
  // More entries than layers: none of them can be matched to its layer, so all become silent.
  const entries = told > layers ? history.map((entry) => ({ ...entry, empty_layer: true })) : history;
  const untold = told > layers ? layers : layers - told;
  return [...entries, ...Array.from({ length: untold }, () => ({ comment: 'layer of the base image without history' }))];
}

function squashed(history: readonly HistoryEntry[], created: string): readonly HistoryEntry[] {
  return [
    ...history.map((entry) => ({ ...entry, empty_layer: true })),
    { created, created_by: 'SQUASH', comment: 'the entries above without a layer, as one' },
  ];
}
