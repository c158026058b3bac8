import type { BlobSource } from '../../registry/oci/image-source.ts';
import type { BegunPush } from '../../registry/push.ts';
import { type ImageForm, imageForm } from '../image/image-form.ts';
import { BegunBlobs } from '../layers/begun-blobs.ts';
import { type LayerBlob, type LayerForm, topLayerBlob } from '../layers/layer-blobs.ts';
import type { OnProgress } from '../layers/root-folders.ts';
import { chainIdOfRoot, type RootState } from '../layers/root-state.ts';
import type { EarlyPush } from '../places/early-push.ts';
import type { Plan, PlannedStage } from '../plan/model/plan.ts';
import { stageChain } from '../plan/model/stage-chain.ts';
import { BackgroundProgress } from '../session/background-progress.ts';
import { once } from '../session/once.ts';
import { ShownStep } from '../session/shown-step.ts';
import type { Session } from '../solve/build-session.ts';
import type { ReachedState, StageOfPlan } from '../solve/solving.ts';
import { epochOf, holdsImage, pushedNames } from './outputs.ts';

/** A form of the image, and the names that it is pushed to. */
interface ExportedForm {
  readonly form: ImageForm;
  readonly names: readonly string[];
}

/**
 * The export of an image while it is built: layers that will leave are compressed as soon as their steps are done, and sent to where the image is
 * pushed. What fails here is left to the export itself, which tries it again; so a build that fails tells nobody. Disposing ends all.
 */
export class EarlyExport implements AsyncDisposable {
  readonly begun: BegunBlobs = new BegunBlobs({ isInBackground: true });
  readonly onProgress: OnProgress = (...progress) => this.#progress.progress(...progress);
  readonly #session: Session;
  readonly #leaving: readonly ExportedForm[];
  /** The target of each plan and the stages that it goes on from. */
  readonly #stages: ReadonlyMap<Plan, ReadonlySet<PlannedStage>>;
  /** Plans whose target is not reached. */
  readonly #unfinished: Set<Plan>;
  readonly #ending = new AbortController();
  readonly #signal: AbortSignal;
  readonly #progress = new BackgroundProgress(() => this.#shownStep());
  readonly #push: () => Promise<EarlyPush>;
  readonly #seen = new Set<string>();
  readonly #work: Promise<void>[] = [];
  #shown: ShownStep | undefined;
  #isTakenOver = false;

  constructor(plans: readonly Plan[], session: Session) {
    const { options, failure } = session;
    this.#session = session;
    this.#stages = new Map(plans.map((plan) => [plan, new Set(stageChain(plan, plan.target))]));
    this.#unfinished = new Set(plans);
    this.#signal = AbortSignal.any([failure.signal, this.#ending.signal]);
    // Which layers are merged is known at the end.
    const outputs = options.squash === undefined ? options.outputs.filter(holdsImage) : [];
    this.#leaving = outputs.map((output) => ({ form: imageForm(options, output), names: pushedNames(output) }));
    this.#push = once(() => this.#startPush());
  }

  /** The forms that the layers of a stage leave in. */
  leavesAs({ plan, stage }: StageOfPlan): readonly LayerForm[] {
    if (this.#stages.get(plan)?.has(stage) !== true) return [];
    return this.#leaving.map(({ form }) => ({ ...form, epoch: epochOf(plan, form.epoch) }));
  }

  /** Takes note of a state that a stage has reached: all its layers leave when the image is made of it. */
  reached({ plan, stage, step, root }: ReachedState): void {
    if (stage.index === plan.target && stage.steps.findLast(({ action }) => action !== undefined) === step) this.#finish(plan);
    if (this.#stages.get(plan)?.has(stage) !== true) return;
    for (const leaving of this.#leaving) {
      const epoch = epochOf(plan, leaving.form.epoch);
      // What stays in the store is named by its tar.
      if (!leaving.form.isStoreOnly || epoch !== undefined) this.#prepare(root, { ...leaving.form, epoch }, leaving);
    }
  }

  /** From now on people wait for the export, whose step this is; whoever calls this ends it. */
  takeOver(): ShownStep {
    this.#bringForward();
    this.#isTakenOver = true;
    return this.#shownStep();
  }

  /** What was sent to a name; undefined when nothing was, or could be. */
  async begunPush(name: string): Promise<BegunPush | undefined> {
    const isSent = this.#leaving.some(({ names }) => names.includes(name));
    return isSent ? (await this.#push()).begun(name) : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { failure } = this.#session;
    this.#ending.abort(new Error('the build has ended'));
    await Promise.all(this.#work);
    this.#progress[Symbol.dispose]();
    if (!this.#isTakenOver) this.#shown?.fail(failure.error, failure.signal);
  }

  #finish(plan: Plan): void {
    this.#unfinished.delete(plan);
    if (this.#unfinished.size === 0 && this.#leaving.length > 0) this.#bringForward();
  }

  #bringForward(): void {
    this.begun.bringForward();
    this.#progress.bringForward();
  }

  /** The layers of a state that are new here, the lower ones included: those of a base image come with the first step. */
  #prepare(root: RootState, form: LayerForm, leaving: ExportedForm): void {
    const { compression, isForced, epoch } = form;
    const variant = JSON.stringify([compression, isForced, epoch, leaving.names]);
    for (let count = root.layers.length; count > 0; count--) {
      const below = { layers: root.layers.slice(0, count) };
      const name = `${chainIdOfRoot(below)} ${variant}`;
      if (this.#seen.has(name)) return;
      this.#seen.add(name);
      this.#work.push(this.#deliver(below, form, leaving).catch(() => undefined));
    }
  }

  async #deliver(root: RootState, form: LayerForm, { names }: ExportedForm): Promise<void> {
    const { store, worker, folders } = this.#session;
    const { onProgress, begun } = this;
    const blob = await topLayerBlob(root, form, { store, worker, folders, signal: this.#signal, onProgress, begun });
    if (names.length > 0) await (await this.#push()).send(blob.descriptor, { source: sourceOf(root, blob), names });
  }

  async #startPush(): Promise<EarlyPush> {
    const { EarlyPush: Push } = await import('../places/early-push.ts');
    const { store, lookup } = this.#session;
    const onProgress: OnProgress = (what, ...progress) => this.onProgress(`push ${what}`, ...progress);
    return new Push({ store, signal: this.#signal, onProgress, client: () => lookup.client() });
  }

  #shownStep(): ShownStep {
    const { nextId, tell } = this.#session;
    this.#shown ??= new ShownStep({ id: nextId(), title: 'exporting', tell });
    return this.#shown;
  }
}

/** Where the uppermost layer comes from; undefined for one that was made here. */
function sourceOf({ layers }: RootState, { descriptor }: LayerBlob): BlobSource | undefined {
  const layer = layers.at(-1);
  return layer?.kind === 'foreign' && layer.descriptor.digest === descriptor.digest ? layer.blobs : undefined;
}
