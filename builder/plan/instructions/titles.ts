import type { StageInstruction } from '../../../parser/syntax/containerfile.ts';
import { expandWord } from '../../../parser/words/expand.ts';
import { formatPlatform } from '../../../registry/oci/platform.ts';
import type { Plan, PlannedStage, PlannedStep } from '../model/plan.ts';
import type { Expander } from '../stages/expand-word.ts';

/** An instruction for people: in one line, its variables replaced where they are set, quotes kept. */
export function instructionTitle({ keyword, source }: StageInstruction, expander: Expander): string {
  const { value, error } = expandWord(source, { ...expander, keepQuotes: true, keepUnset: true });
  const text = error === undefined ? value : source;
  return `${keyword.toUpperCase()}${text.slice(keyword.length)}`;
}

/** The first line of a script, for the title of its RUN. */
export function scriptSummary(script: string): string {
  const [first = '', ...more] = script.trim().split(/\r?\n/);
  return more.length === 0 ? first : `${first}...`;
}

/**
 * The title of a step with its place: `[build 2/5] RUN make`. The base image and the steps that make layers are counted. The stage is left
 * out when there is only one; the platform is shown when there are several.
 */
export function stepTitle(plan: Plan, stage: PlannedStage, step: PlannedStep): string {
  const counted = stage.steps.filter(({ action }) => action !== undefined);
  const index = counted.indexOf(step);
  if (index === -1) return step.title;
  const offset = hasBaseImage(stage) ? 1 : 0;
  return withPlace(plan, stage, { text: step.title, number: index + 1 + offset, total: counted.length + offset });
}

/** The title of the base image of a stage: `[build 1/5] FROM docker.io/library/x@sha256:...`; undefined when it has none. */
export function baseTitle(plan: Plan, stage: PlannedStage): string | undefined {
  if (stage.base.kind !== 'image') return undefined;
  const total = stage.steps.filter(({ action }) => action !== undefined).length + 1;
  return withPlace(plan, stage, { text: `FROM ${stage.base.image.reference}`, number: 1, total });
}

function hasBaseImage(stage: PlannedStage): boolean {
  return stage.base.kind === 'image';
}

interface NumberedTitle {
  readonly text: string;
  readonly number: number;
  readonly total: number;
}

function withPlace(
  { stages, isOneOfSeveral }: Plan,
  { title, platform }: PlannedStage,
  { text, number, total }: NumberedTitle,
): string {
  const place = `${String(number).padStart(String(total).length)}/${total}`;
  const words = [...(isOneOfSeveral === true ? [formatPlatform(platform)] : []), ...(stages.length === 1 ? [] : [title]), place];
  return `[${words.join(' ')}] ${text}`;
}
