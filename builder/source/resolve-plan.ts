import type { Containerfile } from '../../parser/containerfile.ts';
import type { SourceImage } from '../../registry/oci/image-source.ts';
import type { ImageRequest } from '../plan/image-request.ts';
import { type PlanResult, plan } from '../plan/make-plan.ts';
import type { PlanOptions } from '../plan/plan-options.ts';
import { selectStages } from '../plan/select-stages.ts';
import type { StageSelection } from '../plan/selection.ts';

/** A plan, and what it was made of. */
export interface ResolvedPlan extends PlanResult {
  readonly selection: StageSelection;
  /** By the key of their request. */
  readonly images: ReadonlyMap<string, SourceImage>;
}

/** Finds the image of a request, in a registry or behind a named context. */
export type FindImage = (request: ImageRequest) => Promise<SourceImage>;

/**
 * Plans a file: resolves the images that the target needs, all at once, and again for those that their ONBUILD triggers bring in. Throws
 * what planning and the look-up throw.
 */
export async function resolvePlan(file: Containerfile, options: PlanOptions, findImage: FindImage): Promise<ResolvedPlan> {
  const images = new Map<string, SourceImage>();
  for (;;) {
    const selection = selectStages(file, options, images);
    if (selection.missing.length === 0) return { ...plan(file, options, images), selection, images };
    const found = await Promise.all(selection.missing.map(async (request) => [request.key, await findImage(request)] as const));
    for (const [key, image] of found) images.set(key, image);
  }
}
