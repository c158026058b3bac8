import { arch } from 'node:process';
import { formatPlatform, parsePlatform } from '../parser/platform.ts';
import type { Platform } from '../registry/oci/platform.ts';
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
export function platformsOf({ platforms = [] }: BuildOptions): readonly Platform[] {
  if (platforms.length === 0) return [hostPlatform()];
  const byName = new Map(platforms.map(readPlatform).map((platform) => [formatPlatform(platform), platform]));
  return [...byName.values()];
}

function readPlatform(text: string): Platform {
  if (text === 'local') return hostPlatform();
  const platform = parsePlatform(text, hostPlatform().architecture);
  if (platform !== undefined) return platform;
  throw new UsageError('--platform', `Cannot build for "${text}": expected OS/ARCHITECTURE[/VARIANT]`, {
    hint: 'For example linux/arm64',
  });
}

/**
 * Refuses outputs that hold one image when there are several platforms.
 *
 * @throws UsageError
 */
export function checkOutputs(platforms: readonly Platform[], { outputs = [] }: BuildOptions): void {
  if (platforms.length < 2 || !outputs.some(({ kind }) => kind === 'docker')) return;
  throw new UsageError('--output', 'Cannot write several platforms with type=docker: such an archive holds one image', {
    hint: 'Use type=oci, or one --platform',
  });
}
