import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import type { StepId } from '../contract/events.ts';
import type { RootState } from '../layers/root-state.ts';
import type { Plan, PlannedAction, PlannedStage, PlannedStep, StageIndex } from '../plan/model/plan.ts';
import type { Solving } from './solving.ts';

/** A stage with all its steps done. */
export interface SolvedStage {
  readonly stage: PlannedStage;
  readonly root: RootState;
  /** The layers made by the steps with an action, in their order. */
  readonly layers: readonly LayerFacts[];
}

/** A step in its place. */
export interface PlacedStep {
  readonly step: PlannedStep;
  readonly action: PlannedAction;
  readonly stage: PlannedStage;
  /** What it starts from. */
  readonly root: RootState;
}

/** Numbers that events carry, one for each base image and each step with an action. */
export interface StepNumbers {
  of(step: PlannedStep): StepId;
}

/** What solving one stage needs beside the stage. */
export interface StageSolving {
  readonly solving: Solving;
  readonly plan: Plan;
  readonly stages: ReadonlyMap<StageIndex, Promise<SolvedStage>>;
  readonly numbers: StepNumbers;
  readonly counts: { total: number; cached: number };
}

/** The stage that another one refers to. Plans name only stages that come before. */
export function stageAt(stages: ReadonlyMap<StageIndex, Promise<SolvedStage>>, index: StageIndex): Promise<SolvedStage> {
  const stage = stages.get(index);
  if (stage === undefined) throw new Error(`stage ${index} is used before it is planned`);
  return stage;
}
