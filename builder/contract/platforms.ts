import { arch } from 'node:process';
import { ownValue } from '../../registry/oci/own-value.ts';
import { type Platform, parsePlatform } from '../../registry/oci/platform.ts';
import { namesInNode } from '../../registry/oci/processor-names.ts';
import { UsageError } from './errors.ts';

/** What this machine runs. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: ownValue(namesInNode, arch) ?? arch };
}

/** What `--platform` names, or the `origin` that messages tell of. @throws UsageError */
export function platformOf(text: string, origin = '--platform'): Platform {
  if (text === 'local') return hostPlatform();
  const platform = parsePlatform(text, hostPlatform().architecture);
  if (platform !== undefined) return platform;
  const place = origin === '--platform' ? '' : ` of ${origin}`;
  throw new UsageError(origin, `Cannot use the platform "${text}"${place}: expected OS/ARCHITECTURE[/VARIANT]`, {
    hint: 'For example linux/arm64',
  });
}
