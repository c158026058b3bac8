import type { Diagnostic } from '../../../parser/mistakes/errors.ts';
import { suggest } from '../../../parser/mistakes/suggest.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import { formatPlatform, type Platform } from '../../../registry/oci/platform.ts';
import { architectures, isKnownArchitecture, isKnownSystem, systems } from '../../../registry/oci/processor-names.ts';
import type { PlanOptions } from '../model/plan-options.ts';
import type { SelectedStage } from './selection.ts';

/** A warning for `--platform`, and for that of each FROM, that names a system or processor that nobody knows. As in BuildKit, it is built. */
export function unknownPlatforms({ platform }: PlanOptions, stages: readonly SelectedStage[]): readonly Diagnostic[] {
  const written = stages.flatMap((stage) => {
    const span = stage.syntax.from.platform?.span;
    const isOwn = formatPlatform(stage.platform) !== formatPlatform(platform);
    return span === undefined || !isOwn ? [] : [{ platform: stage.platform, span }];
  });
  return [{ platform, span: undefined }, ...written].flatMap((use) => (isUnknown(use.platform) ? [warningOf(use)] : []));
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

/** True when nothing is known by the platform's system or architecture, so that it may be a slip. */
function isUnknown({ os, architecture }: Platform): boolean {
  return !isKnownSystem(os) || !isKnownArchitecture(architecture);
}

/** The platform that an unknown one was probably meant to be: its words in the other order, or the nearest that are known. */
function nearestPlatform({ os, architecture, ...rest }: Platform): Platform | undefined {
  if (systems.has(architecture) && architectures.has(os)) return { ...rest, os: architecture, architecture: os };
  const system = systems.has(os) ? os : suggest(os, systems);
  const processor = architectures.has(architecture) ? architecture : suggest(architecture, usualFirst);
  return system === undefined || processor === undefined ? undefined : { ...rest, os: system, architecture: processor };
}

/** Of two that are equally near, people mean the one that they have. */
const usualFirst = ['amd64', 'arm64', 'arm', '386', 'riscv64', 's390x', 'ppc64le', 'loong64', ...architectures];
