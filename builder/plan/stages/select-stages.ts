import { ContainerfileError, type Diagnostic } from '../../../parser/mistakes/errors.ts';
import { didYouMean } from '../../../parser/mistakes/suggest.ts';
import type { Containerfile } from '../../../parser/syntax/containerfile.ts';
import type { SourceImage } from '../../../registry/oci/image-source.ts';
import { idleArguments } from '../model/control-arguments.ts';
import type { PlanOptions } from '../model/plan-options.ts';
import { refuse } from '../model/refuse.ts';
import { globalScope } from './global-scope.ts';
import type { ImageRequest } from './image-request.ts';
import { sourcesOf } from './instruction-sources.ts';
import { triggersOfImage, triggersOfStage } from './onbuild.ts';
import type { FileIndex, FoundSource, PlacedInstruction, SelectedStage, StageSelection } from './selection.ts';
import { type BaseChoice, type BaseKnowledge, checkBaseName, chooseBase } from './stage-base.ts';
import { type StageNames, stageNamed, stageNames } from './stage-names.ts';
import { unconsumedArguments } from './unconsumed-arguments.ts';
import { unknownPlatforms } from './unknown-platforms.ts';

/**
 * Finds the stages that the target needs, and the images that must be resolved before they can be planned. Nothing is fetched for a stage
 * that is not needed. `images` holds what is resolved already, by key: their ONBUILD triggers may need more stages and images, so resolve
 * what is `missing` and select again until nothing is.
 *
 * @throws ContainerfileError with every error found
 */
export function selectStages(
  file: Containerfile,
  options: PlanOptions,
  images: ReadonlyMap<string, SourceImage> = new Map(),
): StageSelection {
  try {
    return select(file, options, images);
  } catch (error) {
    // The errors are made where the sources are not known.
    if (error instanceof ContainerfileError) throw new ContainerfileError(error.diagnostics, options.sources);
    throw error;
  }
}

/** A stage before it is known whether it is needed; so its errors wait. */
interface Candidate {
  readonly stage: SelectedStage | undefined;
  readonly errors: readonly Diagnostic[];
}

function select(file: Containerfile, options: PlanOptions, images: ReadonlyMap<string, SourceImage>): StageSelection {
  const globals = globalScope(file, options);
  const names = stageNames(file, options);
  const target = targetOf(file, names);
  checkNoCache(file, names);
  const knowledge: BaseKnowledge = { file, names, globals, options };
  const candidates: Candidate[] = [];
  const walk: SelectionState = { knowledge, images, bodies: [], fromErrors: [] };
  for (const [index, { name }] of file.stages.entries()) {
    candidates.push(candidateOf(index, walk));
    if (name !== undefined) names.before.set(name, index);
  }
  if (walk.fromErrors.length > 0) throw new ContainerfileError(walk.fromErrors);
  const needed = options.isEveryStageNeeded === true ? [...candidates.keys()] : neededStages(candidates, target);
  const errors = needed.flatMap((index) => candidates[index]?.errors ?? []);
  if (errors.length > 0) throw new ContainerfileError(errors);
  const stages = needed.flatMap((index) => candidates[index]?.stage ?? []);
  const requests = requestsOf(stages);
  return {
    stages,
    target,
    images: requests,
    missing: requests.filter(({ key }) => !images.has(key)),
    contexts: [...new Set(stages.flatMap(foundSources).flatMap((source) => (source.kind === 'context' ? [source.name] : [])))],
    globals,
    diagnostics: [
      ...idleArguments(options.buildArgs),
      ...unconsumedArguments(file, options, stages),
      ...unknownPlatforms(options, stages),
    ],
  };
}

function targetOf(file: Containerfile, names: StageNames): FileIndex {
  const { target } = names.options;
  if (target === undefined) return file.stages.length - 1;
  const found = stageNamed(names, target);
  if (found !== undefined) return found;
  const message = `Cannot build "${target}": target stage "${target}" could not be found`;
  const known = [...names.all.keys()];
  const hint = didYouMean(target, known) ?? (known.length === 0 ? 'No stage has a name: FROM image AS name' : undefined);
  return refuse({ code: 'unknown-target', message, span: undefined, hint });
}

/** Refuses names of no stage: what was meant would come from the cache. */
function checkNoCache(file: Containerfile, { options: { noCache } }: StageNames): void {
  if (typeof noCache === 'boolean') return;
  const titles = file.stages.map(titleOf);
  const unknown = noCache.find((name) => !titles.includes(name.toLowerCase()));
  if (unknown === undefined) return;
  const message = `Cannot build without the cache of "${unknown}": no stage has that name`;
  const hint = didYouMean(unknown, titles) ?? `Stages: ${titles.slice(0, 10).join(', ')}`;
  refuse({ code: 'unknown-stage', message, span: undefined, hint });
}

interface SelectionState {
  readonly knowledge: BaseKnowledge;
  readonly images: ReadonlyMap<string, SourceImage>;
  /** By position; undefined for stages with errors. */
  readonly bodies: (readonly PlacedInstruction[] | undefined)[];
  readonly fromErrors: Diagnostic[];
}

function candidateOf(index: FileIndex, walk: SelectionState): Candidate {
  const choice = attempt(() => chooseBase(index, walk.knowledge));
  if ('errors' in choice) {
    walk.fromErrors.push(...choice.errors);
    walk.bodies.push(undefined);
    return { stage: undefined, errors: choice.errors };
  }
  const stage = attempt(() => readStage(index, choice.value, walk));
  walk.bodies.push('errors' in stage ? undefined : stage.value.body);
  // A stage with errors needs its base all the same, so that the base's errors are shown too.
  return 'errors' in stage
    ? { stage: stageOf(index, choice.value, { walk, body: [], sources: new Map() }), errors: stage.errors }
    : { stage: stage.value, errors: [] };
}

function attempt<T>(read: () => T): { readonly value: T } | { readonly errors: readonly Diagnostic[] } {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof ContainerfileError) return { errors: error.diagnostics };
    throw error;
  }
}

function readStage(index: FileIndex, choice: BaseChoice, walk: SelectionState): SelectedStage {
  const { file, names } = walk.knowledge;
  const syntax = syntaxOf(index, walk);
  checkBaseName(syntax.from, choice);
  const body = choice.isReplaced ? [] : [...triggersOf(choice, syntax.from.image, walk), ...syntax.body.map(placed)];
  const reading = { index, title: titleOf(syntax, index), stages: file.stages, names, fromSpan: syntax.from.image.span };
  return stageOf(index, choice, { walk, body, sources: sourcesOf(body, reading) });
}

function stageOf(
  index: FileIndex,
  choice: BaseChoice,
  { walk, body, sources }: { readonly walk: SelectionState } & Pick<SelectedStage, 'body' | 'sources'>,
): SelectedStage {
  const syntax = syntaxOf(index, walk);
  return {
    fileIndex: index,
    syntax,
    title: titleOf(syntax, index),
    base: choice.source,
    baseName: choice.name,
    platform: choice.platform,
    body,
    sources,
    usedArguments: choice.usedArguments,
  };
}

function syntaxOf(index: FileIndex, walk: SelectionState): SelectedStage['syntax'] {
  const syntax = walk.knowledge.file.stages[index];
  if (syntax === undefined) throw new Error(`there is no stage ${index}`);
  return syntax;
}

function titleOf({ name }: SelectedStage['syntax'], index: FileIndex): string {
  return name ?? `stage-${index}`;
}

function placed(instruction: PlacedInstruction['instruction']): PlacedInstruction {
  return { instruction, isOnbuild: false, foreignText: undefined };
}

function triggersOf(
  { source }: BaseChoice,
  from: { readonly span: ImageRequest['span'] },
  walk: SelectionState,
): readonly PlacedInstruction[] {
  if (source.kind === 'stage') return triggersOfStage(walk.bodies[source.stage] ?? []);
  const image = source.kind === 'image' ? walk.images.get(source.request.key) : undefined;
  return image === undefined ? [] : triggersOfImage(image, from.span);
}

// Whatever a stage needs comes before it, so one walk from the target up is enough.
function neededStages(candidates: readonly Candidate[], target: FileIndex): readonly FileIndex[] {
  const isNeeded = new Set([target]);
  for (let index = target; index >= 0; index--) {
    const stage = isNeeded.has(index) ? candidates[index]?.stage : undefined;
    if (stage === undefined) continue;
    for (const source of foundSources(stage)) {
      if (source.kind === 'stage') isNeeded.add(source.stage);
    }
  }
  return [...isNeeded].toSorted((a, b) => a - b);
}

function foundSources(stage: SelectedStage): readonly FoundSource[] {
  return [stage.base, ...stage.sources.values()];
}

function requestsOf(stages: readonly SelectedStage[]): readonly ImageRequest[] {
  const requests = new Map<string, ImageRequest>();
  for (const source of stages.flatMap(foundSources)) {
    if (source.kind === 'image' && !requests.has(source.request.key)) requests.set(source.request.key, source.request);
  }
  return [...requests.values()];
}
