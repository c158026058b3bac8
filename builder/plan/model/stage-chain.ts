import type { Plan, PlannedStage, StageIndex } from './plan.ts';

/** A stage of a plan. @throws Error when the plan has no such stage */
export function plannedStage(plan: Plan, index: StageIndex): PlannedStage {
  const stage = plan.stages[index];
  if (stage === undefined) throw new Error(`the plan has no stage ${index}`);
  return stage;
}

/** The stages from the one with the base image to `index`, each going on from the one before. @throws Error when the plan has no such stage */
export function stageChain(plan: Plan, index: StageIndex): readonly PlannedStage[] {
  const chain = [plannedStage(plan, index)];
  for (let [first] = chain; first?.base.kind === 'stage'; first = chain.at(-1)) chain.push(plannedStage(plan, first.base.stage));
  return chain.toReversed();
}
