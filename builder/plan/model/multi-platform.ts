import { UsageError } from '../../contract/errors.ts';
import type { BuildOptions } from '../../contract/options.ts';
import { platformsToBuild } from '../../contract/platforms.ts';
import { isArgumentOn } from './control-arguments.ts';
import { buildArgsOf } from './plan-options.ts';

/** True when the image is an index and files have a folder for each platform: for several platforms, or by BUILDKIT_MULTI_PLATFORM. */
export function isMultiPlatform(options: BuildOptions): boolean {
  return platformsToBuild(options).length > 1 || isArgumentOn(buildArgsOf(options).get('BUILDKIT_MULTI_PLATFORM'));
}

/**
 * Refuses outputs that hold one image when there are several platforms.
 *
 * @throws UsageError
 */
export function checkOutputs(options: BuildOptions): void {
  if (!isMultiPlatform(options) || options.outputs?.some(({ kind }) => kind === 'docker') !== true) return;
  throw new UsageError('--output', 'Cannot write several platforms with type=docker: such an archive holds one image', {
    hint: 'Use type=oci, or one --platform without BUILDKIT_MULTI_PLATFORM',
  });
}
