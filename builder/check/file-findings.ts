import type { Containerfile } from '../../parser/containerfile.ts';
import { ContainerfileError, type Diagnostic } from '../../parser/errors.ts';
import type { InspectedFile } from '../inspected-file.ts';
import type { BuildOptions } from '../options.ts';
import { withoutNamedEpoch } from '../plan/epoch-source.ts';
import { planStages } from '../plan/make-plan.ts';
import { inspectionOptionsOf, type PlanOptions } from '../plan/plan-options.ts';
import { hostPlatform, platformsOf } from '../platforms.ts';
import { ReachableImages } from '../source/reachable-images.ts';
import { resolveStages } from '../source/resolve-plan.ts';
import { buildFindings, type CheckedPlan } from './build-findings.ts';
import { ignoredPaths } from './ignored-paths.ts';

/** What `check` has to say. */
export interface FileFindings {
  /** In the order of the text. */
  readonly findings: readonly Diagnostic[];
  /** Base images that could not be looked at, and why. */
  readonly notes: readonly string[];
}

/**
 * What is wrong with a file, or most likely not meant, as far as that can be known without building: in all stages, or in those that
 * `target` needs, and in what could be read of a file with errors.
 *
 * @throws UsageError, ContainerfileError for a wrong ignore file
 */
export async function fileFindings({ parsed, findImage }: InspectedFile, options: BuildOptions): Promise<FileFindings> {
  const { file, partial, diagnostics, sources, path } = parsed;
  const [platform = hostPlatform()] = platformsOf(options);
  const surroundings = { platform, buildPlatform: hostPlatform(), sources };
  const isEveryStageNeeded = options.target === undefined;
  const planOptions: PlanOptions = { ...inspectionOptionsOf(options, surroundings), isEveryStageNeeded };
  const images = new ReachableImages(findImage);
  const planned = file === undefined ? unplanned([]) : await planOf(file, planOptions, images);
  const found = buildFindings({
    file: partial,
    sources,
    plans: planned.plans,
    buildArgs: planOptions.buildArgs,
    ignoredPaths: await ignoredPaths(partial, options, path),
  });
  const findings = inOrderOfText([...diagnostics, ...planned.errors, ...images.errors, ...found]);
  return { findings, notes: images.notes };
}

interface Planned {
  readonly plans: readonly CheckedPlan[];
  readonly errors: readonly Diagnostic[];
}

function unplanned(errors: readonly Diagnostic[]): Planned {
  return { plans: [], errors };
}

/** What planning finds. Of a file with images that are not known it tells nothing that depends on them. */
async function planOf(file: Containerfile, given: PlanOptions, reachable: ReachableImages): Promise<Planned> {
  try {
    const options = withoutNamedEpoch(file, given);
    const { selection, images } = await resolveStages(file, options, (request) => reachable.find(request));
    const { errors, diagnostics } = planStages({ file, options, images, selection });
    return { plans: [{ selection, images, diagnostics }], errors: selection.missing.length === 0 ? errors : [] };
  } catch (error) {
    if (error instanceof ContainerfileError) return unplanned(error.diagnostics);
    throw error;
  }
}

function inOrderOfText(findings: readonly Diagnostic[]): readonly Diagnostic[] {
  const end = Number.MAX_SAFE_INTEGER;
  const placeOf = ({ span }: Diagnostic): readonly [number, number] => [span?.source ?? end, span?.start ?? end];
  return findings.toSorted((a, b) => {
    const [[sourceA, startA], [sourceB, startB]] = [placeOf(a), placeOf(b)];
    return sourceA - sourceB || startA - startB;
  });
}
