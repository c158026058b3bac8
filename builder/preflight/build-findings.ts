import { type BaseFacts, check, type ParentStage } from '../../parser/lint/check.ts';
import { CheckReport } from '../../parser/lint/check-report.ts';
import { rules } from '../../parser/lint/rules.ts';
import type { Diagnostic } from '../../parser/mistakes/errors.ts';
import { type CheckOptions, parseCheckOptions } from '../../parser/statements/check-directive.ts';
import type { Containerfile } from '../../parser/syntax/containerfile.ts';
import type { Source, Span } from '../../parser/syntax/span.ts';
import type { ResolvedStages } from '../bases/resolve-plan.ts';
import { UsageError } from '../contract/errors.ts';
import type { FileIndex, SelectedStage } from '../plan/stages/selection.ts';
import { eachOnce } from './for-each-platform.ts';

/** What planning for one platform has found out. */
export interface CheckedPlan extends ResolvedStages {
  readonly diagnostics: readonly Diagnostic[];
}

/** A build whose file is to be checked. */
export interface CheckedBuild {
  readonly file: Containerfile;
  readonly sources: readonly Source[];
  readonly buildArgs: ReadonlyMap<string, string>;
  /** One for each platform; none when the file cannot be planned: then all its stages are looked at. */
  readonly plans: readonly CheckedPlan[];
  /** See CheckFacts. */
  readonly ignoredPaths: (path: string) => boolean;
}

/** The build argument that takes the place of the file's `check=`. */
const checkArgument = 'BUILDKIT_DOCKERFILE_CHECK';

/**
 * What people should know of a file that is about to be built: the findings of the build checks in the stages that are needed, and of
 * planning, for every platform and each once. With `error=true` the checks' are errors.
 *
 * @throws UsageError for a wrong BUILDKIT_DOCKERFILE_CHECK
 */
export function buildFindings(build: CheckedBuild): readonly Diagnostic[] {
  const { plans } = build;
  if (plans.length === 0) return checked(build, undefined);
  return eachOnce(plans.map((plan) => ({ platform: plan.platform, findings: planFindings(build, plan) })));
}

function planFindings(build: CheckedBuild, plan: CheckedPlan): readonly Diagnostic[] {
  const { file, buildArgs } = build;
  const options = checkOptionsOf(buildArgs);
  const planned = plan.diagnostics;
  const wanted = parseCheckOptions(options ?? file.directives.check ?? '');
  const judged = 'reason' in wanted ? planned : [...planned.filter(isNoCheck), ...judge(planned, { file, options: wanted })];
  return [...checked(build, plan), ...judged];
}

/** What the build checks find: in the stages of a plan, else in all of the file. */
function checked({ file, sources, buildArgs, ignoredPaths }: CheckedBuild, plan: CheckedPlan | undefined): readonly Diagnostic[] {
  const options = checkOptionsOf(buildArgs);
  const bases = plan && basesOf(plan);
  return check(file, {
    sources,
    buildArgs: buildArgs.keys(),
    base: (stage) => bases?.get(stage),
    ignoredPaths,
    isReachable: (stage) => bases === undefined || bases.has(stage),
    ...(options !== undefined && { options }),
  });
}

/** BUILDKIT_DOCKERFILE_CHECK, when it is given. */
function checkOptionsOf(buildArgs: ReadonlyMap<string, string>): string | undefined {
  const text = buildArgs.get(checkArgument);
  const options = text === undefined ? undefined : parseCheckOptions(text);
  if (options !== undefined && 'reason' in options) {
    throw new UsageError('--build-arg', `Cannot use --build-arg ${checkArgument}=${text}: ${options.reason}`);
  }
  return text;
}

/** What is below the stages that are needed; undefined where it is not known. */
function basesOf({ selection, images }: CheckedPlan): ReadonlyMap<FileIndex, BaseFacts | ParentStage | undefined> {
  return new Map(selection.stages.map((stage) => [stage.fileIndex, baseOf(stage, images)]));
}

function baseOf({ base, body }: SelectedStage, images: CheckedPlan['images']): BaseFacts | ParentStage | undefined {
  if (base.kind === 'stage') return { stage: base.stage };
  if (base.kind === 'scratch' || base.kind === 'context') return { environment: [], hasShell: false, triggers: [] };
  const config = base.kind === 'image' ? images.get(base.request.key)?.config : undefined;
  if (config === undefined) return undefined;
  return {
    environment: (config.config?.Env ?? []).map((entry) => entry.split('=', 1)[0] ?? ''),
    hasShell: (config.config?.Shell ?? []).length > 0,
    triggers: body.flatMap(({ instruction, isOnbuild }) => (isOnbuild ? [instruction] : [])),
  };
}

function isNoCheck({ code }: Diagnostic): boolean {
  return !rules.has(code);
}

/** The checks that only planning can make, under the same options as the others. */
function judge(
  planned: readonly Diagnostic[],
  { file, options }: { readonly file: Containerfile; readonly options: CheckOptions },
): readonly Diagnostic[] {
  const report = new CheckReport(options);
  for (const { code, message, span, hint } of planned) {
    if (!rules.has(code) || span === undefined) continue;
    const instruction = file.stages.find(({ from }) => isSameSpan(from.span, span))?.from;
    report.add({ rule: code, message, span, hint, ...(instruction !== undefined && { instruction }) });
  }
  return report.diagnostics();
}

function isSameSpan(a: Span, b: Span): boolean {
  return a.source === b.source && a.start === b.start;
}
