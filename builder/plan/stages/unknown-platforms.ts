import type { Diagnostic } from '../../../parser/mistakes/errors.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import { formatPlatform, isUnknownPlatform, nearestPlatform } from '../../../parser/values/platform.ts';
import type { Platform } from '../../../registry/oci/platform.ts';
import type { PlanOptions } from '../model/plan-options.ts';
import type { SelectedStage } from './selection.ts';

/** A warning for `--platform`, and for that of each FROM, that names a system or processor that nobody knows. As in BuildKit, it is built. */
export function unknownPlatforms({ platform }: PlanOptions, stages: readonly SelectedStage[]): readonly Diagnostic[] {
  const written = stages.flatMap((stage) => {
    const span = stage.syntax.from.platform?.span;
    const isOwn = formatPlatform(stage.platform) !== formatPlatform(platform);
    return span === undefined || !isOwn ? [] : [{ platform: stage.platform, span }];
  });
  return [{ platform, span: undefined }, ...written].flatMap((use) => (isUnknownPlatform(use.platform) ? [warningOf(use)] : []));
}

function warningOf({ platform, span }: { readonly platform: Platform; readonly span: Span | undefined }): Diagnostic {
  const nearest = nearestPlatform(platform);
  const hint = nearest === undefined ? undefined : `Did you mean "${formatPlatform(nearest)}"?`;
  return {
    severity: 'warning',
    code: 'UnknownPlatform',
    message: `No system and processor are known as "${formatPlatform(platform)}"`,
    span,
    ...(hint !== undefined && { hint }),
  };
}
