import type { Lowers } from '../../executor/protocol/actions.ts';
import type { Tell } from '../clock.ts';
import type { StepId } from '../events.ts';
import type { Plan, PlannedStage } from '../plan/plan.ts';
import { baseTitle } from '../plan/titles.ts';
import type { OnProgress, RootFolders } from './root-folders.ts';
import type { RootState } from './root-state.ts';
import { ShownStep } from './shown-step.ts';

interface Needed {
  readonly stage: PlannedStage;
  readonly signal: AbortSignal;
  /** For the step that needs the files, when what has to be unpacked for it is a step of this build and not its base. */
  readonly onProgress: OnProgress;
}

/**
 * The FROM lines of a build as steps that people see: a base image whose files are needed is fetched and unpacked; one whose files
 * nobody needs shows as cached.
 */
export class BaseSteps {
  readonly #folders: RootFolders;
  readonly #tell: Tell;
  readonly #steps = new Map<PlannedStage, ShownStep>();

  constructor(folders: RootFolders, tell: Tell) {
    this.#folders = folders;
    this.#tell = tell;
  }

  /** Gives the stage's base a number, if it is an image. */
  announce(plan: Plan, stage: PlannedStage, nextId: () => StepId): { readonly id: StepId; readonly title: string } | undefined {
    const title = baseTitle(plan, stage);
    if (title === undefined) return undefined;
    const id = nextId();
    this.#steps.set(stage, new ShownStep({ id, title, tell: this.#tell }));
    return { id, title };
  }

  /** The folders of a stage's root file system so far; what is missing is fetched and unpacked, and shown. */
  async lowersOf(root: RootState, { stage, signal, onProgress }: Needed): Promise<Lowers> {
    const step = this.#steps.get(stage);
    const isMissing = !(await this.#folders.has(root));
    if (step === undefined || step.isStarted || !isMissing) {
      return this.#folders.lowersOf(root, { signal, onProgress });
    }
    return this.#unpackShown(root, { step, signal });
  }

  /** Nothing more will need the stage's base: when nothing ever did, it counts as cached. */
  settle(stage: PlannedStage): void {
    const step = this.#steps.get(stage);
    if (step?.isStarted === false) step.end('cached');
  }

  async #unpackShown(root: RootState, { step, signal }: { step: ShownStep; signal: AbortSignal }): Promise<Lowers> {
    step.start();
    try {
      const lowers = await this.#folders.lowersOf(root, { signal, onProgress: (...progress) => step.progress(...progress) });
      step.end('done');
      return lowers;
    } catch (error) {
      step.fail(error, signal);
      throw error;
    }
  }
}
