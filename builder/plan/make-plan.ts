import { baseImagePlatformWarning } from '../../parser/lint/check-whole.ts';
import { ContainerfileError, type Diagnostic } from '../../parser/mistakes/errors.ts';
import type { Containerfile, MountSyntax, StageInstruction } from '../../parser/syntax/containerfile.ts';
import type { SourceImage } from '../../registry/oci/image-source.ts';
import { applyOptions, imagePlatformOf } from './apply-options.ts';
import { excessLayers } from './check-layers.ts';
import { containerConfigOf } from './instructions/config-state.ts';
import { historyComment, type InstructionContext } from './instructions/instruction-context.ts';
import { planInstruction } from './instructions/plan-instruction.ts';
import {
  childState,
  imageState,
  platformOfImage,
  type StageState,
  scratchState,
  workingDirectoryOf,
} from './instructions/stage-state.ts';
import type { Plan, PlannedStage, PlannedStep, SourceRef, StageBase, StageIndex } from './model/plan.ts';
import type { PlanOptions } from './model/plan-options.ts';
import { atBase } from './stages/onbuild.ts';
import { selectStages } from './stages/select-stages.ts';
import type { FileIndex, FoundSource, PlacedInstruction, SelectedStage, StageSelection } from './stages/selection.ts';
import { windowsLayer } from './windows-layer.ts';

/** A plan, and what people should know of it. */
export interface PlanResult {
  readonly plan: Plan;
  /** Warnings. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Plans one build for one platform. Pure: the same arguments give the same plan. `images` holds every image that selectStages asked for
 * until nothing was missing, by key.
 *
 * @throws ContainerfileError with the first error of every stage
 */
export function plan(file: Containerfile, options: PlanOptions, images: ReadonlyMap<string, SourceImage>): PlanResult {
  const selection = selectStages(file, options, images);
  const [missing] = selection.missing;
  if (missing !== undefined) throw new Error(`the image ${missing.key} is needed and was not resolved`);
  const { stages, errors, diagnostics } = planStages({ file, options, images, selection });
  const wrong = errors.length > 0 ? errors : excessLayers(stages.map(({ stage }) => stage));
  if (wrong.length > 0) throw new ContainerfileError(wrong, options.sources);
  const target = stages.at(-1);
  // The target is the last stage in the file that is needed, because all that it needs comes before it.
  if (target === undefined) throw new Error('no stage was planned');
  return {
    plan: {
      stages: stages.map(({ stage }) => stage),
      target: target.stage.index,
      platform: options.platform,
      ...(options.isOneOfSeveral === true && { isOneOfSeveral: true }),
      imagePlatform: imagePlatformOf(target.state, options),
      sourceDateEpoch: selection.globals.sourceDateEpoch,
    },
    diagnostics: [...selection.diagnostics, ...diagnostics],
  };
}

/** A stage with the state that its last instruction left. */
export interface PlannedState {
  readonly stage: PlannedStage;
  readonly state: StageState;
  readonly selected: SelectedStage;
}

/** What planStages needs. Images that are not there count as images without a configuration, for `outline`. */
export interface PlanInputs {
  readonly file: Containerfile;
  readonly options: PlanOptions;
  readonly images: ReadonlyMap<string, SourceImage>;
  readonly selection: StageSelection;
}

/** All stages of a selection, with the first error of each that has one; stages that start from a broken one are left out. */
export function planStages(inputs: PlanInputs): {
  readonly stages: readonly PlannedState[];
  readonly errors: readonly Diagnostic[];
  readonly diagnostics: readonly Diagnostic[];
} {
  const planning: PlanDraft = { ...inputs, planned: new Map(), errors: [], warnings: [] };
  for (const [index, selected] of inputs.selection.stages.entries()) planStage(selected, index, planning);
  return { stages: [...planning.planned.values()], errors: planning.errors, diagnostics: planning.warnings };
}

interface PlanDraft extends PlanInputs {
  readonly planned: Map<FileIndex, PlannedState>;
  readonly errors: Diagnostic[];
  readonly warnings: Diagnostic[];
}

function planStage(selected: SelectedStage, index: StageIndex, planning: PlanDraft): void {
  const state = startOf(selected, planning);
  if (state === undefined) return;
  const steps = [...baseSteps(selected, state)];
  for (const placed of selected.body) {
    try {
      const step = planInstruction(contextOf(placed, { selected, state, planning }));
      if (step !== undefined) steps.push(step);
    } catch (error) {
      if (!(error instanceof ContainerfileError)) throw error;
      planning.errors.push(...inFile(error, placed, selected).diagnostics);
      return;
    }
  }
  const wrong = windowsLayer(state.imagePlatform, steps);
  if (wrong !== undefined) {
    planning.errors.push(wrong);
    return;
  }
  if (selected.fileIndex === planning.selection.target) applyOptions(state, planning.options);
  planning.planned.set(selected.fileIndex, { stage: finish({ selected, index, steps, state }, planning), state, selected });
}

function startOf({ base, platform, syntax }: SelectedStage, planning: PlanDraft): StageState | undefined {
  const { escape } = planning.file.directives;
  switch (base.kind) {
    case 'scratch':
    case 'context':
      return scratchState(platform, escape);
    case 'stage': {
      const parent = planning.planned.get(base.stage);
      return parent === undefined ? undefined : childState(parent.state, escape);
    }
    case 'image': {
      const image = planning.images.get(base.request.key);
      if (image === undefined) return scratchState(platform, escape);
      const { name, platform: expected } = base.request;
      const warning = baseImagePlatformWarning(name, { expected, actual: platformOfImage(image) }, syntax.from.span);
      if (warning !== undefined) planning.warnings.push(warning);
      return imageState(image, escape);
    }
  }
}

/** A stage from a tree of files starts by copying them all. */
function baseSteps({ base, baseName, syntax }: SelectedStage, state: StageState): readonly PlannedStep[] {
  if (base.kind !== 'context') return [];
  const { span } = syntax.from;
  return [
    {
      title: `FROM ${baseName}`,
      span,
      history: { created_by: 'COPY / / # buildkit', comment: historyComment },
      action: {
        kind: 'copy',
        from: { kind: 'context', name: base.name },
        sources: [{ kind: 'path', path: '/', span }],
        destination: workingDirectoryOf(state),
        owner: undefined,
        mode: undefined,
        isLink: false,
        excludes: [],
        keepsParents: false,
      },
    },
  ];
}

interface StageInPlan {
  readonly selected: SelectedStage;
  readonly state: StageState;
  readonly planning: PlanDraft;
}

function contextOf(placed: PlacedInstruction, { selected, state, planning }: StageInPlan): InstructionContext {
  return {
    state,
    stage: selected,
    placed,
    options: planning.options,
    globals: planning.selection.globals,
    sourceOf: (user: StageInstruction | MountSyntax) => {
      const found = selected.sources.get(user);
      return found === undefined ? undefined : sourceRef(found, planning);
    },
  };
}

function sourceRef(found: FoundSource, planning: PlanDraft): SourceRef {
  switch (found.kind) {
    case 'scratch':
    case 'context':
      return found;
    case 'stage':
      return { kind: 'stage', stage: indexOf(found.stage, planning) };
    case 'image': {
      const image = planning.images.get(found.request.key);
      return image === undefined ? { kind: 'scratch' } : { kind: 'image', image };
    }
  }
}

// A stage with an error has no index, and no plan comes of it.
function indexOf(fileIndex: FileIndex, { planned }: PlanDraft): StageIndex {
  return planned.get(fileIndex)?.stage.index ?? 0;
}

function inFile(error: ContainerfileError, { foreignText }: PlacedInstruction, { syntax }: SelectedStage): ContainerfileError {
  return foreignText === undefined ? error : atBase(error, { text: foreignText, span: syntax.from.image.span });
}

interface FinishedStage {
  readonly selected: SelectedStage;
  readonly index: StageIndex;
  readonly steps: readonly PlannedStep[];
  readonly state: StageState;
}

function finish({ selected, index, steps, state }: FinishedStage, planning: PlanDraft): PlannedStage {
  const parent = selected.base.kind === 'stage' ? planning.planned.get(selected.base.stage)?.stage : undefined;
  return {
    index,
    title: selected.title,
    name: selected.syntax.name,
    base: baseOf(selected, planning),
    // What a stage runs on is decided where its first image comes from.
    platform: parent?.platform ?? selected.platform,
    span: selected.syntax.from.span,
    steps,
    config: containerConfigOf(state.config),
    author: state.author,
    isCacheIgnored: isCacheIgnored(selected, planning.options),
  };
}

function baseOf({ base }: SelectedStage, planning: PlanDraft): StageBase {
  const ref = sourceRef(base, planning);
  return ref.kind === 'context' ? { kind: 'scratch' } : ref;
}

function isCacheIgnored({ title }: SelectedStage, { noCache }: PlanOptions): boolean {
  return typeof noCache === 'boolean' ? noCache : noCache.some((name) => name.toLowerCase() === title);
}
