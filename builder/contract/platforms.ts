import { arch } from 'node:process';
import { formatPlatform, parsePlatform } from '../../parser/values/platform.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import { UsageError } from './errors.ts';
import type { BuildOptions } from './options.ts';

/** Node's names of processors, as Go and so OCI call them. */
const architectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  arm64: 'arm64',
  ia32: '386',
  arm: 'arm',
  riscv64: 'riscv64',
  s390x: 's390x',
  ppc64: 'ppc64le',
  loong64: 'loong64',
};

/** What this machine runs. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: architectures[arch] ?? arch };
}

/** The platforms to build for, each once: those asked for, else this machine's. Throws UsageError for one that cannot be read. */
export function platformsToBuild({ platforms = [] }: BuildOptions): readonly Platform[] {
  if (platforms.length === 0) return [hostPlatform()];
  const byName = new Map(platforms.map((text) => platformOf(text)).map((platform) => [formatPlatform(platform), platform]));
  return [...byName.values()];
}

/** What `--platform` names, or the `origin` that messages tell of. Throws UsageError. */
export function platformOf(text: string, origin = '--platform'): Platform {
  if (text === 'local') return hostPlatform();
  const platform = parsePlatform(text, hostPlatform().architecture);
  if (platform !== undefined) return platform;
  const place = origin === '--platform' ? '' : ` of ${origin}`;
  throw new UsageError(origin, `Cannot use the platform "${text}"${place}: expected OS/ARCHITECTURE[/VARIANT]`, {
    hint: 'For example linux/arm64',
  });
}
