import { ContainerfileError, type Diagnostic } from '../../parser/mistakes/errors.ts';
import type { Containerfile } from '../../parser/syntax/containerfile.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import { ReachableImages } from '../bases/reachable-images.ts';
import { resolveStages } from '../bases/resolve-plan.ts';
import { hostPlatform } from '../contract/platforms.ts';
import { withoutNamedEpoch } from '../plan/epoch-source.ts';
import { planStages } from '../plan/make-plan.ts';
import { inspectionOptionsOf, type PlanOptions } from '../plan/model/plan-options.ts';
import { buildFindings, type CheckedPlan } from '../preflight/build-findings.ts';
import { eachOnce, type PlatformFindings } from '../preflight/for-each-platform.ts';
import { ignoredPaths } from '../preflight/ignored-paths.ts';
import { buildArgsOf } from '../settings/build-arguments.ts';
import type { InspectedFile } from './inspected-file.ts';

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
export async function fileFindings({ parsed, findImage, options }: InspectedFile): Promise<FileFindings> {
  const { file, partial, diagnostics, sources, path } = parsed;
  const isEveryStageNeeded = options.target === undefined;
  const images = new ReachableImages(findImage);
  const planFor = async (platform: Platform): Promise<PlanFindings> => {
    const surroundings = { platform, buildPlatform: hostPlatform(), sources };
    return file === undefined
      ? { platform, findings: [] }
      : planOf(file, { ...inspectionOptionsOf(options, surroundings), isEveryStageNeeded }, images);
  };
  const planned = await Promise.all(options.platforms.map(planFor));
  const found = buildFindings({
    file: partial,
    sources,
    plans: planned.flatMap(({ plan }) => plan ?? []),
    buildArgs: buildArgsOf(options),
    ignoredPaths: await ignoredPaths(partial, options, path),
  });
  const findings = inOrderOfText([...diagnostics, ...eachOnce(planned), ...images.errors, ...found]);
  return { findings, notes: images.notes };
}

/** The errors of planning for a platform, and the plan where there is one. */
interface PlanFindings extends PlatformFindings {
  readonly plan?: CheckedPlan;
}

/** What planning finds. Of a file with images that are not known it tells nothing that depends on them. */
async function planOf(file: Containerfile, given: PlanOptions, reachable: ReachableImages): Promise<PlanFindings> {
  const { platform } = given;
  try {
    const options = withoutNamedEpoch(file, given);
    const resolved = await resolveStages(file, options, (request) => reachable.find(request));
    const { errors, diagnostics } = planStages({ file, options, ...resolved });
    return { platform, plan: { ...resolved, diagnostics }, findings: resolved.selection.missing.length === 0 ? errors : [] };
  } catch (error) {
    if (error instanceof ContainerfileError) return { platform, findings: error.diagnostics };
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
