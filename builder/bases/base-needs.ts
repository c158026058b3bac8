import { unreachable } from '../../registry/oci/unreachable.ts';
import type { Plan, PlannedAction, PlannedStage, SourceRef, StageBase, StageIndex } from '../plan/model/plan.ts';

/**
 * For each stage of a plan the stages whose base images it may need the files of: its own one, those of stages that it goes on, and those
 * of stages that it copies or mounts from. Pure.
 */
export function baseNeeds({ stages }: Plan): ReadonlyMap<PlannedStage, ReadonlySet<PlannedStage>> {
  const needs = new Map<PlannedStage, Set<PlannedStage>>();
  const byIndex = new Map<StageIndex, PlannedStage>();
  for (const stage of stages) {
    const needed = new Set(stage.base.kind === 'image' ? [stage] : []);
    for (const index of stagesUsed(stage)) {
      const used = byIndex.get(index);
      for (const owner of (used && needs.get(used)) ?? []) needed.add(owner);
    }
    needs.set(stage, needed);
    byIndex.set(stage.index, stage);
  }
  return needs;
}

function stagesUsed({ base, steps }: PlannedStage): readonly StageIndex[] {
  const sources = steps.flatMap(({ action }) => (action === undefined ? [] : sourcesOf(action)));
  return [base, ...sources].flatMap((source) => (source.kind === 'stage' ? [source.stage] : []));
}

function sourcesOf(action: PlannedAction): readonly (SourceRef | StageBase)[] {
  switch (action.kind) {
    case 'copy':
      return [action.from];
    case 'run':
      return action.mounts.flatMap((mount) => ('from' in mount && mount.from !== undefined ? [mount.from] : []));
    case 'add':
    case 'make-directory':
      return [];
    default:
      return unreachable(action);
  }
}
