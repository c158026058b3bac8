import { availableParallelism, totalmem } from 'node:os';
import pLimit, { type LimitFunction } from 'p-limit';
import type { BuildOptions } from '../contract/options.ts';
import type { PlannedAction } from '../plan/model/plan.ts';

/** Bounds how many steps act at the same time. */
export interface StepLimits {
  /** What holds for a step of this kind. */
  of(kind: PlannedAction['kind']): LimitFunction;
  /** How many base layers are unpacked at the same time. */
  readonly unpacks: number;
}

/**
 * Steps that copy files share the processors. Commands of RUN wait for networks, disks and each other, and get a limit of their own; a number of
 * jobs that somebody chose holds for all steps together, unless they chose one for RUN as well.
 */
export function stepLimits({ jobs, runJobs }: Pick<BuildOptions, 'jobs' | 'runJobs'>): StepLimits {
  const processors = Math.max(2, availableParallelism());
  const steps = jobs ?? processors;
  const ofSteps = pLimit(steps);
  const ofRuns = jobs !== undefined && runJobs === undefined ? ofSteps : pLimit(limitOfRuns(runJobs, processors));
  return { of: (kind) => (kind === 'run' ? ofRuns : ofSteps), unpacks: steps };
}

function limitOfRuns(chosen: number | undefined, processors: number): number {
  if (chosen === 0) return Number.POSITIVE_INFINITY;
  return chosen ?? usualRuns({ processors, memoryBytes: usableMemory() });
}

/** Package managers and compilers take some hundred megabytes; one that waits takes hardly anything of this program. */
const bytesOfRun = 512 * 2 ** 20;
const mostRuns = 64;

/** How many commands of RUN go at the same time when nobody says: as many as memory is likely to hold. Exported for tests. */
export function usualRuns({ processors, memoryBytes }: { readonly processors: number; readonly memoryBytes: number }): number {
  return Math.max(processors, Math.min(mostRuns, Math.floor(memoryBytes / bytesOfRun)));
}

/** The machine's memory, or what its container may have of it. */
function usableMemory(): number {
  // 0 or more than there is stands for no limit. (process.constrainedMemory() in Node's documentation)
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}
