import { stat } from 'node:fs/promises';
import type { Containerfile } from '../parser/containerfile.ts';
import { ContainerfileError, type Diagnostic } from '../parser/errors.ts';
import { parse } from '../parser/parse.ts';
import type { Source } from '../parser/span.ts';
import type { Platform } from '../registry/oci/platform.ts';
import type { BuiltPlatform } from './deliver/deliver-all.ts';
import { UsageError } from './errors.ts';
import type { BuildOptions } from './options.ts';
import { planOptionsOf } from './plan/plan-options.ts';
import { hostPlatform, platformsOf } from './platforms.ts';
import type { BuildResult } from './result.ts';
import { openSession, type Session } from './session.ts';
import { BaseSteps } from './solve/base-steps.ts';
import { solve } from './solve/solve.ts';
import { squash } from './solve/squash.ts';
import { ContextTrees } from './source/context-trees.ts';
import { imageFinder } from './source/find-image.ts';
import { type LoadedContainerfile, loadContainerfile } from './source/load-containerfile.ts';
import { parseContextLocation } from './source/named-context.ts';
import { containerfileReaders } from './source/readers.ts';
import { resolvePlan } from './source/resolve-plan.ts';

/**
 * Builds an image from a Containerfile and a context, and writes the outputs. When it throws or is aborted nothing half-made is left: no
 * process, no mount, no output; steps that were complete stay cached.
 *
 * @throws ContainerfileError, UsageError, StepError, SourceError, EnvironmentError, ExecutorError, RegistryError, StoreError, OutputError, or
 *   the reason of `options.signal`
 */
export async function build(options: BuildOptions): Promise<BuildResult> {
  options.signal?.throwIfAborted();
  const platforms = platformsOf(options);
  const loaded = await load(options);
  const file = parsed(loaded.sources);
  await using session = await openSession(options);
  session.tell({ kind: 'started' });
  tellAll(file.warnings, session);
  try {
    const built: BuiltPlatform[] = [];
    for (const platform of platforms) built.push(await buildPlatform(platform, { file: file.file, loaded, session }));
    const { deliverAll } = await import('./deliver/deliver-all.ts');
    return await deliverAll(built, session);
  } finally {
    // What is complete stays useful, also when the build failed. A failure to keep it must not hide why the build failed.
    await session.store.flush().catch(() => undefined);
  }
}

interface PlatformBuild {
  readonly file: Containerfile;
  readonly loaded: LoadedContainerfile;
  readonly session: Session;
}

async function buildPlatform(platform: Platform, { file, loaded, session }: PlatformBuild): Promise<BuiltPlatform> {
  const { options, store, lookup, failure, folders, tell } = session;
  const { signal } = failure;
  const { sources } = loaded;
  const planOptions = planOptionsOf(options, { platform, buildPlatform: hostPlatform(), sources });
  const { buildContexts = {} } = options;
  const { plan, diagnostics } = await resolvePlan(file, planOptions, imageFinder({ lookup, contexts: buildContexts, signal }));
  tellAll(diagnostics, session);
  const contexts = new ContextTrees({
    store,
    main: options.context,
    named: buildContexts,
    containerfile: loaded.path,
    ignoreFile: options.ignoreFile,
    signal,
  });
  const bases = new BaseSteps(folders, tell);
  try {
    const { target, steps } = await solve(plan, { ...session, platform, sources, bases, contexts, signal });
    const root = options.squash === true ? await squash(target.root, session) : target.root;
    return { plan, root, steps };
  } finally {
    await contexts.save();
  }
}

/** Reads the Containerfile; the context must exist even if no step looks into it, because a typing error there is no small thing. */
async function load(options: BuildOptions): Promise<LoadedContainerfile> {
  const context = parseContextLocation(options.context);
  const directory = context.kind === 'directory' ? context.path : undefined;
  if (directory !== undefined) await requireFolder(directory);
  return loadContainerfile(options, directory, containerfileReaders(options));
}

async function requireFolder(directory: string): Promise<void> {
  const hint = 'The context is the folder whose files COPY can take; for the current one write "."';
  const stats = await stat(directory).catch((error: unknown) => {
    const why = error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'it does not exist' : String(error);
    throw new UsageError('CONTEXT', `Cannot use context "${directory}": ${why}`, { hint, cause: error });
  });
  if (!stats.isDirectory()) throw new UsageError('CONTEXT', `Cannot use context "${directory}": it is not a folder`, { hint });
}

function parsed(sources: readonly Source[]): { readonly file: Containerfile; readonly warnings: readonly Diagnostic[] } {
  const { file, diagnostics } = parse(sources);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0 || file === undefined) throw new ContainerfileError(errors, sources);
  return { file, warnings: diagnostics };
}

function tellAll(diagnostics: readonly Diagnostic[], { tell }: Session): void {
  for (const diagnostic of diagnostics) tell({ kind: 'warning', diagnostic });
}
