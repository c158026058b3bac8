import { normalisePlatform, type Platform } from '../../registry/oci/platform.ts';
import type { StageState } from './instructions/stage-state.ts';
import type { PlanOptions } from './model/plan-options.ts';

/**
 * What the options add to the image, and take from it. `--label` wins over LABEL, but ENV of the file over `--env`, as in Buildah, where
 * `--env` is meant for what the base set.
 */
export function applyOptions({ config, fileEnv }: StageState, options: PlanOptions): void {
  for (const name of options.unsetLabels) config.labels.delete(name);
  for (const [name, value] of Object.entries(options.labels)) config.labels.set(name, value);
  for (const [name, value] of Object.entries(options.env)) {
    if (!fileEnv.has(name)) config.env.set(name, value);
  }
  for (const name of options.unsetEnv) config.env.delete(name);
}

/** What the configuration says the image runs on: its base's platform, or the one that was asked for. */
export function imagePlatformOf({ imagePlatform: own }: StageState, { platform, isPlatformExplicit }: PlanOptions): Platform {
  if (!isPlatformExplicit) return normalisePlatform(own);
  const isSame = own.os === platform.os && own.architecture === platform.architecture;
  const variant = platform.variant ?? (isSame ? own.variant : undefined);
  const version = platform['os.version'] ?? (isSame ? own['os.version'] : undefined);
  return normalisePlatform({
    os: platform.os,
    architecture: platform.architecture,
    ...(variant !== undefined && { variant }),
    ...(version !== undefined && { 'os.version': version }),
  });
}
