import type { Lowers } from '../../executor/protocol/actions.ts';
import type { OnProgress, RootFolders } from '../layers/root-folders.ts';
import { type RootState, rootOfImage } from '../layers/root-state.ts';
import type { Plan, PlannedStage } from '../plan/model/plan.ts';
import type { ShownStep } from '../session/shown-step.ts';
import { baseNeeds } from './base-needs.ts';

interface BaseRequest {
  readonly stage: PlannedStage;
  readonly signal: AbortSignal;
  /** For the step that needs the files, when what has to be unpacked for it is a step of this build and not its base. */
  readonly onProgress: OnProgress;
}

/** A FROM of an image. */
interface BaseStep {
  readonly shown: ShownStep;
  readonly root: RootState;
  /** Stages that may yet need its files. */
  readonly waiting: Set<PlannedStage>;
}

/**
 * The FROM lines of a build as steps that people see: a base image whose files are needed is fetched and unpacked; one whose files
 * nobody needs shows as cached.
 */
export class BaseSteps {
  readonly #folders: RootFolders;
  /** For each stage the bases that its files may come from. */
  readonly #bases = new Map<PlannedStage, readonly BaseStep[]>();

  constructor(folders: RootFolders) {
    this.#folders = folders;
  }

  /** Takes over the steps of a plan's base images, by stage. */
  add(plan: Plan, shownSteps: ReadonlyMap<PlannedStage, ShownStep>): void {
    const steps = new Map<PlannedStage, BaseStep>();
    for (const [stage, needed] of baseNeeds(plan)) {
      const shown = shownSteps.get(stage);
      if (shown !== undefined && stage.base.kind === 'image') {
        steps.set(stage, { shown, root: rootOfImage(stage.base.image), waiting: new Set() });
      }
      const bases = Array.from(needed, (owner) => steps.get(owner)).filter((step) => step !== undefined);
      for (const { waiting } of bases) waiting.add(stage);
      this.#bases.set(stage, bases);
    }
  }

  /** The folders of a root file system that a stage goes on or copies from; what is missing of bases is fetched and unpacked, and shown. */
  async lowersOf(root: RootState, { stage, signal, onProgress }: BaseRequest): Promise<Lowers> {
    for (const base of this.#bases.get(stage) ?? []) {
      const isBelow = isPrefix(base.root, root);
      if (isBelow && !base.shown.isStarted && !(await this.#folders.has(base.root))) await this.#unpackShown(base, signal);
    }
    return this.#folders.lowersOf(root, { signal, onProgress });
  }

  /** The stage needs nothing more. A base that nobody can need any more, and nobody has, counts as cached. */
  settle(stage: PlannedStage): void {
    for (const { shown, waiting } of this.#bases.get(stage) ?? []) {
      waiting.delete(stage);
      if (waiting.size === 0 && !shown.isStarted) shown.end('cached');
    }
  }

  async #unpackShown({ shown, root }: BaseStep, signal: AbortSignal): Promise<void> {
    shown.start();
    try {
      await this.#folders.lowersOf(root, { signal, onProgress: (...progress) => shown.progress(...progress) });
      shown.end('done');
    } catch (error) {
      shown.fail(error, signal);
      throw error;
    }
  }
}

function isPrefix(base: RootState, root: RootState): boolean {
  return base.layers.every(({ chainId }, index) => root.layers[index]?.chainId === chainId);
}
