import type { MountSyntax, StageInstruction } from '../../../parser/syntax/containerfile.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import type { HistoryEntry } from '../../../registry/oci/image-config.ts';
import type { PlannedAction, PlannedStep, SourceRef } from '../model/plan.ts';
import type { PlanOptions } from '../model/plan-options.ts';
import type { GlobalScope } from '../stages/global-scope.ts';
import type { PlacedInstruction, SelectedStage } from '../stages/selection.ts';
import type { StageState } from './stage-state.ts';
import { instructionTitle } from './titles.ts';

/** What the planning of one instruction needs. */
export interface InstructionContext {
  readonly state: StageState;
  readonly stage: SelectedStage;
  readonly placed: PlacedInstruction;
  readonly options: PlanOptions;
  readonly globals: GlobalScope;
  /** Where the `--from` of a COPY or the `from=` of a mount leads; undefined when it has none. */
  readonly sourceOf: (user: StageInstruction | MountSyntax) => SourceRef | undefined;
}

/** What stands in the history of every image that BuildKit makes; tools know the builder by it. */
export const historyComment = 'buildkit.dockerfile.v0';

/** A span of the instruction as a span of the file: triggers of images stand at the FROM that brought them. */
export function spanInFile({ placed, stage }: InstructionContext, span: Span): Span {
  return placed.foreignText === undefined ? span : stage.syntax.from.image.span;
}

/** A step that makes a layer. */
export function actionStep(
  context: InstructionContext,
  action: PlannedAction,
  { createdBy, title }: { readonly createdBy: string; readonly title?: string },
): PlannedStep {
  return stepOf(context, { action, title, history: { created_by: createdBy, comment: historyComment } });
}

/** A step that changes the configuration alone. */
export function configStep(context: InstructionContext, createdBy: string): PlannedStep {
  return stepOf(context, {
    action: undefined,
    title: undefined,
    history: { created_by: createdBy, comment: historyComment, empty_layer: true },
  });
}

interface StepParts {
  readonly action: PlannedAction | undefined;
  readonly title: string | undefined;
  readonly history: HistoryEntry;
}

function stepOf(context: InstructionContext, { action, title, history }: StepParts): PlannedStep {
  const { placed, state } = context;
  const text = title ?? instructionTitle(placed.instruction, state.expander);
  return {
    title: placed.isOnbuild ? `ONBUILD ${text}` : text,
    span: spanInFile(context, placed.instruction.span),
    history,
    action,
  };
}
