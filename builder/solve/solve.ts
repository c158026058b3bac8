import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import type { StepId } from '../contract/events.ts';
import { emptyRoot, type RootState, rootOfImage, withLayer } from '../layers/root-state.ts';
import { baseTitle, stepTitle } from '../plan/instructions/titles.ts';
import type { Plan, PlannedStage, PlannedStep, StageIndex } from '../plan/model/plan.ts';
import { ShownStep } from '../session/shown-step.ts';
import { runStep } from './run-step.ts';
import { type PlacedStep, type SolvedStage, type StageSolving, type StepNumbers, stageAt } from './solved-stage.ts';
import type { Solving } from './solving.ts';

/** What solving a plan gave. */
export interface Solution {
  readonly target: SolvedStage;
  readonly steps: { readonly total: number; readonly cached: number };
}

/**
 * Carries out a plan: every stage at once, each waiting where it needs another. A step whose key has a record is not run. The first
 * failure ends the others, and is what is thrown.
 */
export async function solve(plan: Plan, solving: Solving): Promise<Solution> {
  const numbers = announce(plan, solving);
  const stages = new Map<StageIndex, Promise<SolvedStage>>();
  const counts = { total: 0, cached: 0 };
  for (const stage of plan.stages) {
    const work = solveStage(stage, { solving, plan, stages, numbers, counts });
    work.catch((error: unknown) => solving.failure.fail(error));
    stages.set(stage.index, work);
  }
  const outcomes = await Promise.allSettled(stages.values());
  throwFirstFailure(outcomes, solving);
  return { target: await stageAt(stages, plan.target), steps: counts };
}

async function solveStage(stage: PlannedStage, around: StageSolving): Promise<SolvedStage> {
  const base = await baseOf(stage, around);
  const layers: LayerFacts[] = [];
  let root = base;
  for (const step of stage.steps) {
    if (step.action === undefined) continue;
    const facts = await solveStep({ step, action: step.action, stage, root }, around);
    layers.push(facts);
    root = withLayer(root, facts);
    around.solving.onReached({ plan: around.plan, stage, step, root });
  }
  around.solving.bases.settle(stage);
  return { stage, root, layers };
}

async function baseOf({ base }: PlannedStage, { stages }: StageSolving): Promise<RootState> {
  switch (base.kind) {
    case 'scratch':
      return emptyRoot;
    case 'image':
      return rootOfImage(base.image);
    case 'stage':
      return (await stageAt(stages, base.stage)).root;
    default:
      return unreachable(base);
  }
}

async function solveStep(placed: PlacedStep, around: StageSolving): Promise<LayerFacts> {
  const { solving, numbers, counts, plan } = around;
  solving.signal.throwIfAborted();
  const id = numbers.of(placed.step);
  const title = stepTitle(plan, placed.stage, placed.step);
  const shown = new ShownStep({ id, title, tell: solving.tell });
  counts.total++;
  try {
    const { facts, isCached, reason } = await runStep(placed, { shown, around });
    if (isCached) counts.cached++;
    shown.end(isCached ? 'cached' : 'done', reason);
    return facts;
  } catch (error) {
    shown.fail(error, solving.signal);
    throw error;
  }
}

function announce(plan: Plan, solving: Solving): StepNumbers {
  const numbers = new Map<PlannedStep, StepId>();
  const steps: { id: StepId; title: string }[] = [];
  const bases = new Map<PlannedStage, ShownStep>();
  for (const stage of plan.stages) {
    const title = baseTitle(plan, stage);
    if (title !== undefined) {
      const id = solving.nextId();
      steps.push({ id, title });
      bases.set(stage, new ShownStep({ id, title, tell: solving.tell }));
    }
    for (const step of stage.steps) {
      if (step.action === undefined) continue;
      const id = solving.nextId();
      numbers.set(step, id);
      steps.push({ id, title: stepTitle(plan, stage, step) });
    }
  }
  solving.bases.add(plan, bases);
  solving.tell({ kind: 'planned', steps });
  return {
    of: (step) => {
      const id = numbers.get(step);
      if (id === undefined) throw new Error(`step "${step.title}" has no number`);
      return id;
    },
  };
}

function throwFirstFailure(outcomes: readonly PromiseSettledResult<unknown>[], { failure }: Solving): void {
  const rejected = outcomes.find((outcome) => outcome.status === 'rejected');
  if (rejected === undefined) return;
  failure.callerSignal?.throwIfAborted();
  throw failure.error ?? rejected.reason;
}
