import type { Diagnostic } from '../../parser/mistakes/errors.ts';
import { mostLayers } from '../../registry/oci/manifest.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import type { PlannedStage, StageIndex } from './model/plan.ts';
import { errorDiagnostic } from './model/refuse.ts';

/**
 * The first step of each stage that would make a layer above those that can be mounted: the build would end there in any case, after all
 * the steps before it. Stages that start from such a one are as wrong, and are not named too.
 */
export function excessLayers(stages: readonly PlannedStage[]): readonly Diagnostic[] {
  const counts = new Map<StageIndex, number>();
  const excess: Diagnostic[] = [];
  for (const stage of stages) {
    const below = layersBelow(stage, counts);
    if (below === undefined) continue;
    const making = stage.steps.filter(({ action }) => action !== undefined);
    const first = making[mostLayers - below];
    if (first === undefined) {
      counts.set(stage.index, below + making.length);
      continue;
    }
    excess.push(
      errorDiagnostic({
        code: 'too-large',
        message: `Cannot build stage "${stage.title}": its steps make ${making.length} layers on ${below} of its base, and ${mostLayers} can be mounted`,
        span: first.span,
        hint: 'Join RUN instructions, or COPY --from the stage into a new one',
      }),
    );
  }
  return excess;
}

function layersBelow({ base }: PlannedStage, counts: ReadonlyMap<StageIndex, number>): number | undefined {
  switch (base.kind) {
    case 'scratch':
      return 0;
    case 'stage':
      return counts.get(base.stage);
    case 'image':
      return base.image.manifest.layers.length;
    default:
      return unreachable(base);
  }
}
