import { parsePlatform } from '../../registry/oci/platform.ts';
import { UsageError } from '../contract/errors.ts';

/**
 * Reads `[ARCH=]PATH` of --emulator: the architecture (Go's name; '' for any) and the path.
 *
 * @throws UsageError
 */
export function parseEmulator(text: string): readonly [architecture: string, path: string] {
  const [, name, path = ''] = /^(?:([A-Za-z0-9_]+)=)?(.*)$/s.exec(text) ?? [];
  const architecture = name === undefined ? '' : parsePlatform(name)?.architecture;
  if (path === '' || architecture === undefined) {
    throw new UsageError('--emulator', `Cannot use --emulator ${text}: expected ARCH=PATH`, {
      hint: 'For example arm64=/usr/bin/qemu-aarch64-static',
    });
  }
  return [architecture, path];
}
