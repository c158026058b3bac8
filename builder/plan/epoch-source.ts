import { ContainerfileError } from '../../parser/mistakes/errors.ts';
import type { Containerfile, StageSyntax } from '../../parser/syntax/containerfile.ts';
import type { Span } from '../../parser/syntax/span.ts';
import { epochName } from '../settings/build-arguments.ts';
import { remoteKindOf } from './instructions/plan-copy.ts';
import { planStages } from './make-plan.ts';
import type { PlannedAdd } from './model/plan.ts';
import type { PlanOptions } from './model/plan-options.ts';
import { refuse } from './model/refuse.ts';
import { epochTextOf, isEpochNumber } from './stages/global-scope.ts';
import { namedContextOf } from './stages/image-request.ts';
import { selectStages } from './stages/select-stages.ts';

/** Something whose own time SOURCE_DATE_EPOCH asks for. */
export type EpochSource =
  /** A context; without a name the main one. */
  | { readonly kind: 'context'; readonly name: string | undefined }
  /** What a stage adds, which does nothing else. */
  | {
      readonly kind: 'add';
      readonly remote: 'git' | 'http';
      readonly url: string;
      readonly checksum: string | undefined;
      readonly keepsGitDirectory: boolean;
    };

/**
 * What SOURCE_DATE_EPOCH names when it is no number: `context`, a named context, or a stage that starts from scratch and adds one thing from
 * elsewhere. undefined when it names nothing. Its time has to be looked up before the build is planned (PlanOptions.namedEpoch).
 *
 * @throws ContainerfileError when there is nothing of that name, or the stage does more
 */
export function epochSourceOf(file: Containerfile, options: PlanOptions): EpochSource | undefined {
  try {
    return findSource(file, options);
  } catch (error) {
    // The errors are made where the sources are not known.
    if (error instanceof ContainerfileError) throw new ContainerfileError(error.diagnostics, options.sources);
    throw error;
  }
}

/** The options of who inspects the file and looks up no time: what SOURCE_DATE_EPOCH names must exist, and counts as without a time. */
export function withoutNamedEpoch(file: Containerfile, options: PlanOptions): PlanOptions {
  return epochSourceOf(file, options) === undefined ? options : { ...options, namedEpoch: { seconds: undefined } };
}

function findSource(file: Containerfile, options: PlanOptions): EpochSource | undefined {
  const { text, span } = epochTextOf(file, options);
  if (text === '' || isEpochNumber(text)) return undefined;
  if (text === 'context') return { kind: 'context', name: undefined };
  const context = namedContextOf(text, options.platform, options);
  if (context !== undefined) return { kind: 'context', name: context.name };
  const stage = file.stages.find(({ name }) => name === text.toLowerCase());
  if (stage === undefined) return refuseName(text, span);
  return addedBy(stage, { file, options });
}

function refuseName(text: string, span: Span | undefined): never {
  const message = `Cannot use "${text}" as ${epochName}: it is neither a number of seconds since 1970 nor a context or stage`;
  return refuse({ code: 'epoch', message, span, hint: 'The time of the last commit: git log -1 --pretty=%ct' });
}

interface EpochSearch {
  readonly file: Containerfile;
  readonly options: PlanOptions;
}

function addedBy(stage: StageSyntax, { file, options }: EpochSearch): EpochSource {
  const other = stage.body.find(({ kind }) => kind !== 'arg' && kind !== 'add');
  if (other !== undefined) refuseStage(`it holds ${other.keyword.toUpperCase()}`, other.span);
  const [action, ...more] = actionsOf(stage, { file, options });
  const [source, ...sources] = action?.sources ?? [];
  const isOne = more.length === 0 && sources.length === 0 && source?.kind === 'path';
  const remote = isOne ? remoteKindOf(source.path) : undefined;
  if (action === undefined || source?.kind !== 'path' || remote === undefined) {
    return refuseStage('it must ADD one URL or repository, and nothing else', stage.from.span);
  }
  const { checksum, keepsGitDirectory = false } = action;
  return { kind: 'add', remote, url: source.path, checksum, keepsGitDirectory };
}

/** What the stage does, planned as if it were the target. The time that is looked for is not set in it. */
function actionsOf(stage: StageSyntax, { file, options }: EpochSearch): readonly PlannedAdd[] {
  const own: PlanOptions = { ...options, target: stage.name, namedEpoch: { seconds: undefined } };
  const images = new Map();
  const selection = selectStages(file, own, images);
  const selected = selection.stages.find(({ syntax }) => syntax === stage);
  if (selected?.base.kind !== 'scratch') refuseStage('it must start FROM scratch', stage.from.span);
  const { stages, errors } = planStages({ file, options: own, images, selection });
  const [error] = errors;
  if (error !== undefined) refuseStage(error.message, error.span);
  const planned = stages.find(({ selected: { syntax } }) => syntax === stage);
  return (planned?.stage.steps ?? []).flatMap(({ action }) => (action?.kind === 'add' ? [action] : []));
}

function refuseStage(why: string, span: Span | undefined): never {
  const message = `Cannot take ${epochName} from the stage: it does not meet source-only requirements: ${why}`;
  return refuse({ code: 'epoch', message, span, hint: 'Such a stage is FROM scratch and a single ADD from elsewhere' });
}
