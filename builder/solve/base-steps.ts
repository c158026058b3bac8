import type { Lowers } from '../../executor/protocol/actions.ts';
import type { Tell } from '../clock.ts';
import type { StepId } from '../events.ts';
import type { Plan, PlannedStage } from '../plan/plan.ts';
import { baseTitle } from '../plan/titles.ts';
import type { RootFolders } from './root-folders.ts';
import type { RootState } from './root-state.ts';

interface BaseStep {
  readonly id: StepId;
  readonly title: string;
  isStarted: boolean;
}

interface Needed {
  readonly stage: PlannedStage;
  readonly signal: AbortSignal;
}

/**
 * The FROM lines of a build as steps that people see: a base image whose files are needed is fetched and unpacked; one whose files
 * nobody needs shows as cached.
 */
export class BaseSteps {
  readonly #folders: RootFolders;
  readonly #tell: Tell;
  readonly #steps = new Map<PlannedStage, BaseStep>();

  constructor(folders: RootFolders, tell: Tell) {
    this.#folders = folders;
    this.#tell = tell;
  }

  /** Gives the stage's base a number, if it is an image. */
  announce(plan: Plan, stage: PlannedStage, nextId: () => StepId): { readonly id: StepId; readonly title: string } | undefined {
    const title = baseTitle(plan, stage);
    if (title === undefined) return undefined;
    const step = { id: nextId(), title, isStarted: false };
    this.#steps.set(stage, step);
    return step;
  }

  /** The folders of a stage's root file system so far; what is missing of its base is fetched and unpacked, and shown. */
  async lowersOf(root: RootState, { stage, signal }: Needed): Promise<Lowers> {
    const step = this.#steps.get(stage);
    const isMissing = !(await this.#folders.has(root));
    if (step === undefined || step.isStarted || !isMissing) {
      return this.#folders.lowersOf(root, { signal, onProgress: () => undefined });
    }
    return this.#unpackShown(root, { step, signal });
  }

  /** Nothing more will need the stage's base: when nothing ever did, it counts as cached. */
  settle(stage: PlannedStage): void {
    const step = this.#steps.get(stage);
    if (step === undefined || step.isStarted) return;
    step.isStarted = true;
    this.#tell({ kind: 'step-started', id: step.id, title: step.title });
    this.#tell({ kind: 'step-ended', id: step.id, state: 'cached' });
  }

  async #unpackShown(root: RootState, { step, signal }: { step: BaseStep; signal: AbortSignal }): Promise<Lowers> {
    step.isStarted = true;
    const { id, title } = step;
    this.#tell({ kind: 'step-started', id, title });
    try {
      const lowers = await this.#folders.lowersOf(root, {
        signal,
        onProgress: (what, doneBytes, totalBytes) => this.#tell({ kind: 'step-progress', id, what, doneBytes, totalBytes }),
      });
      this.#tell({ kind: 'step-ended', id, state: 'done' });
      return lowers;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#tell({ kind: 'step-ended', id, state: signal.aborted ? 'cancelled' : 'failed', reason });
      throw error;
    }
  }
}
