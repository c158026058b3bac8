import type { Containerfile } from '../../parser/syntax/containerfile.ts';
import type { SourceImage } from '../../registry/oci/image-source.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import { type PlanResult, plan } from '../plan/make-plan.ts';
import type { PlanOptions } from '../plan/model/plan-options.ts';
import type { ImageRequest } from '../plan/stages/image-request.ts';
import { selectStages } from '../plan/stages/select-stages.ts';
import type { StageSelection } from '../plan/stages/selection.ts';

/** The stages of a build, and the images that they need. */
export interface ResolvedStages {
  readonly platform: Platform;
  readonly selection: StageSelection;
  /** By the key of their request. */
  readonly images: ReadonlyMap<string, SourceImage>;
}

/** A plan, and what it was made of. */
export interface ResolvedPlan extends PlanResult, ResolvedStages {}

/** Finds the image of a request, in a registry or behind a named context. */
export type FindImage = (request: ImageRequest) => Promise<SourceImage>;

/** Plans a file for one platform. @throws what planning and the look-up throw */
export async function resolvePlan(file: Containerfile, options: PlanOptions, findImage: FindImage): Promise<ResolvedPlan> {
  const resolved = await resolveStages(file, options, findImage);
  return { ...plan(file, options, resolved.images), ...resolved };
}

/**
 * Selects the stages and resolves their images, all at once, and again for those that the ONBUILD triggers of these bring in. What
 * `findImage` gives up on stays missing.
 *
 * @throws what selectStages() and `findImage` throw
 */
export async function resolveStages(
  file: Containerfile,
  options: PlanOptions,
  findImage: (request: ImageRequest) => Promise<SourceImage | undefined>,
): Promise<ResolvedStages> {
  const images = new Map<string, SourceImage>();
  const asked = new Set<string>();
  for (;;) {
    const selection = selectStages(file, options, images);
    const missing = selection.missing.filter(({ key }) => !asked.has(key));
    if (missing.length === 0) return { platform: options.platform, selection, images };
    const found = await Promise.all(missing.map(async (request) => ({ key: request.key, image: await findImage(request) })));
    for (const { key, image } of found) {
      asked.add(key);
      if (image !== undefined) images.set(key, image);
    }
  }
}
