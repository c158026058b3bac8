import { type BaseFacts, check } from '../../parser/check.ts';
import { type CheckOptions, parseCheckOptions } from '../../parser/check-options.ts';
import { CheckReport } from '../../parser/check-report.ts';
import type { Containerfile } from '../../parser/containerfile.ts';
import type { Diagnostic } from '../../parser/errors.ts';
import { rules } from '../../parser/rules.ts';
import type { Source, Span } from '../../parser/span.ts';
import type { SourceImage } from '../../registry/oci/image-source.ts';
import { UsageError } from '../errors.ts';
import type { FileIndex, SelectedStage, StageSelection } from '../plan/selection.ts';

/** What planning for one platform has found out. */
export interface CheckedPlan {
  readonly selection: StageSelection;
  /** By the key of their request. */
  readonly images: ReadonlyMap<string, SourceImage>;
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
 * planning, each once for all platforms. With `error=true` the checks' are errors. Throws UsageError for a wrong BUILDKIT_DOCKERFILE_CHECK.
 */
export function buildFindings(build: CheckedBuild): readonly Diagnostic[] {
  const { file, sources, plans, buildArgs, ignoredPaths } = build;
  const options = checkOptionsOf(buildArgs);
  const bases = basesOf(plans);
  const found = check(file, {
    sources,
    buildArgs: buildArgs.keys(),
    base: (stage) => bases.get(stage),
    ignoredPaths,
    isReachable: (stage) => plans.length === 0 || bases.has(stage),
    ...(options !== undefined && { options }),
  });
  const planned = plans.flatMap(({ diagnostics }) => diagnostics);
  const wanted = parseCheckOptions(options ?? file.directives.check ?? '');
  const judged = 'reason' in wanted ? planned : [...planned.filter(isNoCheck), ...judge(planned, { file, options: wanted })];
  return eachOnce([...found, ...judged]);
}

/** BUILDKIT_DOCKERFILE_CHECK, when it is given. */
export function checkOptionsOf(buildArgs: ReadonlyMap<string, string>): string | undefined {
  const text = buildArgs.get(checkArgument);
  const options = text === undefined ? undefined : parseCheckOptions(text);
  if (options !== undefined && 'reason' in options) {
    throw new UsageError('--build-arg', `Cannot use --build-arg ${checkArgument}=${text}: ${options.reason}`);
  }
  return text;
}

/** What is below the stages that are needed, for the first platform that needs them; undefined where it is not known. */
function basesOf(plans: readonly CheckedPlan[]): ReadonlyMap<FileIndex, BaseFacts | undefined> {
  const bases = new Map<FileIndex, BaseFacts | undefined>();
  for (const { selection, images } of plans.toReversed()) {
    for (const stage of selection.stages) bases.set(stage.fileIndex, baseOf(stage, images));
  }
  return bases;
}

function baseOf({ base, body }: SelectedStage, images: CheckedPlan['images']): BaseFacts | undefined {
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

function eachOnce(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const byText = new Map(diagnostics.map((diagnostic) => [JSON.stringify(diagnostic), diagnostic]));
  return [...byText.values()];
}
