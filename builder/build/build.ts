import { ContainerfileError, type Diagnostic } from '../../parser/mistakes/errors.ts';
import type { Containerfile } from '../../parser/syntax/containerfile.ts';
import { positionOf } from '../../parser/syntax/position.ts';
import { BaseSteps } from '../bases/base-steps.ts';
import { imageFinder } from '../bases/find-image.ts';
import { type ResolvedPlan, resolvePlan } from '../bases/resolve-plan.ts';
import type { BuildOptions } from '../contract/options.ts';
import { hostPlatform } from '../contract/platforms.ts';
import type { BuildResult } from '../contract/result.ts';
import { checkDestinations } from '../export/check-destination.ts';
import { formNotices, imageForm } from '../image/image-form.ts';
import { ContextTrees } from '../inputs/context-trees.ts';
import { checkNamedImages } from '../inputs/given-contexts.ts';
import { isLocalBuild, loadBuildFile } from '../inputs/load-build-file.ts';
import type { LoadedContainerfile } from '../inputs/load-containerfile.ts';
import { parseLoaded } from '../inputs/parse-loaded.ts';
import { epochSourceOf } from '../plan/epoch-source.ts';
import { type PlanOptions, planOptionsOf } from '../plan/model/plan-options.ts';
import { buildFindings } from '../preflight/build-findings.ts';
import { checkGivenFiles } from '../preflight/given-files.ts';
import { ignoredPaths } from '../preflight/ignored-paths.ts';
import { checkVolumes } from '../sandbox/check-volumes.ts';
import { resolveDevices } from '../sandbox/devices/resolve-devices.ts';
import { givenConfinement } from '../sandbox/given-confinement.ts';
import { healing } from '../session/healing.ts';
import { startTelling } from '../session/tell.ts';
import { buildArgsOf, missingBuildArgs } from '../settings/build-arguments.ts';
import { idleVariables } from '../settings/idle-variables.ts';
import { normalise, type Settings, withEnvironmentEpoch } from '../settings/settings.ts';
import { openSession, type Session } from '../solve/build-session.ts';
import { solve } from '../solve/solve.ts';
import type { Solving } from '../solve/solving.ts';
import { squash } from '../solve/squash.ts';
import { type BuiltPlatform, deliverAll } from './deliver-all.ts';
import { EarlyExport } from './early-export.ts';
import { checkOutputs, holdsImage } from './outputs.ts';

/**
 * Builds an image from a Containerfile and a context, and writes the outputs. When it throws or is aborted nothing half-made is left: no
 * process, no mount, no output; steps that were complete stay cached.
 *
 * @throws ContainerfileError, UsageError, StepError, SourceError, EnvironmentError, ExecutorError, RegistryError, StoreError, OutputError, or
 *   the reason of `options.signal`
 */
export async function build(options: BuildOptions): Promise<BuildResult> {
  const settings = withEnvironmentEpoch(normalise(options));
  options.signal?.throwIfAborted();
  checkOutputs(settings);
  // What an output cannot be shows before anything is built.
  for (const output of settings.outputs.filter(holdsImage)) imageForm(settings, output);
  await checkDestinations(settings.outputs, { stdout: options.stdout });
  await checkGivenFiles(settings);
  await checkNamedImages(settings);
  // Mistakes in a local file show before anything is made.
  const local = isLocalBuild(settings) ? await loadLocal(settings) : undefined;
  const { stdin } = options;
  const input = stdin && new ReadOnce(stdin);
  const tell = startTelling(options.onEvent);
  return healing(() => buildOnce({ ...settings, ...(input && { stdin: input }) }, local), {
    signal: options.signal,
    canRepeat: () => input?.isRead !== true,
    onNotice: (message) => tell({ kind: 'notice', message }),
  });
}

async function buildOnce(options: Settings, local: ReadFile | undefined): Promise<BuildResult> {
  await using session = await openSession(options);
  session.tell({ kind: 'started' });
  for (const message of noticesOf(session.options)) session.tell({ kind: 'notice', message });
  try {
    const { file, warnings, loaded } = local ?? (await loadFetched(session));
    const work: LoadedBuild = { file, loaded, session };
    tellAll(warnings, work);
    const plans = await planAll(work);
    await checkFile(plans, work);
    await using early = new EarlyExport(
      plans.map(({ plan }) => plan),
      session,
    );
    const built = await solveAll(plans, work, {
      leavesAs: (stage) => early.leavesAs(stage),
      begun: early.begun,
      onReached: (state) => early.reached(state),
    });
    return await deliverAll(built, early, session);
  } finally {
    // What is complete stays useful, also when the build failed. A failure to keep it must not hide why the build failed.
    await session.store.flush().catch(() => undefined);
  }
}

/** Standard input, which can be read by one attempt alone. */
class ReadOnce implements AsyncIterable<Uint8Array> {
  readonly #bytes: AsyncIterable<Uint8Array>;
  isRead = false;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#bytes = bytes;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    this.isRead = true;
    return this.#bytes[Symbol.asyncIterator]();
  }
}

/** What was asked for and has no effect. */
function noticesOf(options: Session['options']): readonly string[] {
  return [
    ...missingBuildArgs(options).map(withoutValue),
    ...formNotices(options, options.outputs.filter(holdsImage)),
    ...idleVariables(options.environment),
  ];
}

function withoutValue(name: string): string {
  return `The build argument "${name}" stays unset: the environment does not have it. Try --build-arg ${name}=VALUE`;
}

interface LoadedBuild {
  readonly file: Containerfile;
  readonly loaded: LoadedContainerfile;
  readonly session: Session;
}

/** A plan for each platform, all before the first step: what is wrong for one of them shows at once. */
async function planAll({ file, loaded, session }: LoadedBuild): Promise<readonly ResolvedPlan[]> {
  const { options, lookup, failure } = session;
  const { sources } = loaded;
  const findImage = imageFinder({
    lookup,
    contexts: options.namedContexts,
    signal: failure.signal,
    sources,
    onUnknown: hasRun(file) ? () => session.worker.begin() : undefined,
  });
  const plans: ResolvedPlan[] = [];
  for (const platform of options.platforms) {
    const surroundings = { platform, buildPlatform: hostPlatform(), sources };
    const planOptions = await withNamedEpoch(file, planOptionsOf(options, surroundings), session);
    plans.push(await resolvePlan(file, planOptions, findImage));
  }
  return plans;
}

function hasRun({ stages }: Containerfile): boolean {
  return stages.some(({ body }) => body.some(({ kind }) => kind === 'run'));
}

/** Looks up the time of what SOURCE_DATE_EPOCH names, when it names something. */
async function withNamedEpoch(file: Containerfile, options: PlanOptions, session: Session): Promise<PlanOptions> {
  const source = epochSourceOf(file, options);
  if (source === undefined) return options;
  const { timeOfEpochSource } = await import('../inputs/named-epoch.ts');
  const { lookup, failure } = session;
  const seconds = await timeOfEpochSource(source, { ...session, client: () => lookup.client(), signal: failure.signal });
  return { ...options, namedEpoch: { seconds } };
}

/** Tells what the build checks and planning have found. @throws ContainerfileError when there are errors among it */
async function checkFile(plans: readonly ResolvedPlan[], work: LoadedBuild): Promise<void> {
  const { file, loaded, session } = work;
  const { sources } = loaded;
  const findings = buildFindings({
    file,
    sources,
    plans,
    buildArgs: buildArgsOf(session.options),
    ignoredPaths: await ignoredPaths(file, session.options, loaded.path),
  });
  tellAll(findings.filter(isWarning), work);
  const errors = findings.filter((finding) => !isWarning(finding));
  if (errors.length > 0) throw new ContainerfileError(errors, sources);
}

/** All platforms at once: they share the worker, and the steps that are the same for several are done once. */
async function solveAll(
  plans: readonly ResolvedPlan[],
  { loaded, session }: LoadedBuild,
  leaving: Pick<Solving, 'leavesAs' | 'begun' | 'onReached'>,
): Promise<readonly BuiltPlatform[]> {
  const { options, store, folders, fetched, failure, tell } = session;
  const { signal } = failure;
  const { sources } = loaded;
  const contexts = new ContextTrees({
    store,
    main: options.context,
    named: options.namedContexts,
    containerfile: loaded.path,
    ignoreFile: options.ignoreFile,
    fetched,
    signal,
  });
  await checkVolumes(
    options,
    plans.flatMap(({ selection }) => selection.stages),
    tell,
  );
  const devices = await resolveDevices(
    plans.map(({ plan }) => plan),
    { options, sources, tell },
  );
  const confinement = await givenConfinement(options.run.confinement);
  const ran: Solving['ran'] = new Map();
  const solveOne = async ({ plan }: ResolvedPlan): Promise<BuiltPlatform> => {
    const bases = new BaseSteps(folders);
    const { target, steps } = await solve(plan, {
      ...session,
      platform: plan.platform,
      sources,
      bases,
      contexts,
      devices,
      confinement,
      signal,
      ran,
      ...leaving,
    });
    return { plan, root: await squash(target.root, plan, session), steps };
  };
  try {
    const outcomes = await Promise.allSettled(plans.map(solveOne));
    return outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
  } finally {
    await contexts.save();
  }
}

interface ReadFile {
  readonly loaded: LoadedContainerfile;
  readonly file: Containerfile;
  readonly warnings: readonly Diagnostic[];
}

async function loadLocal(options: Settings): Promise<ReadFile> {
  const signal = options.signal ?? new AbortController().signal;
  return parsed(await loadBuildFile({ options, client: nobody, fetched: nobody, signal }));
}

async function nobody(): Promise<never> {
  throw new Error('a local build asks nobody');
}

async function loadFetched({ options, lookup, fetched, failure }: Session): Promise<ReadFile> {
  return parsed(await loadBuildFile({ options, client: () => lookup.client(), fetched, signal: failure.signal }));
}

function parsed(loaded: LoadedContainerfile): ReadFile {
  const { file, diagnostics } = parseLoaded(loaded);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0 || file === undefined) throw new ContainerfileError(errors, loaded.sources);
  return { loaded, file, warnings: diagnostics };
}

function tellAll(diagnostics: readonly Diagnostic[], { loaded, session }: LoadedBuild): void {
  for (const diagnostic of diagnostics) {
    const { span } = diagnostic;
    const source = span && loaded.sources[span.source];
    const position = source && { file: source.name, ...positionOf(source, span.start) };
    session.tell({ kind: 'warning', diagnostic, ...(position !== undefined && { position }) });
  }
}

function isWarning({ severity }: Diagnostic): boolean {
  return severity === 'warning';
}
