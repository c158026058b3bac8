import type { Diagnostic } from '../../parser/mistakes/errors.ts';
import { formatPlatform, type Platform } from '../../registry/oci/platform.ts';
import type { PlannedStep } from './model/plan.ts';
import { errorDiagnostic } from './model/refuse.ts';

/** The error of a stage that makes layers for Windows; undefined when it makes none. Windows could not use what Linux makes of them. */
export function windowsLayer(platform: Platform, steps: readonly PlannedStep[]): Diagnostic | undefined {
  const step = steps.find(({ action }) => action !== undefined);
  if (platform.os !== 'windows' || step === undefined) return undefined;
  const message =
    step.action?.kind === 'run'
      ? 'Cannot run commands of windows: only those of Linux can be run'
      : `Cannot make a layer for ${formatPlatform(platform)}: layers for Windows hold their files in another form`;
  const hint = 'Only what changes the configuration alone can be built for Windows: ENV, LABEL, CMD and so on';
  return errorDiagnostic({ code: 'platform', message, span: step.span, hint });
}
