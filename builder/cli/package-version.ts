import { readFileSync } from 'node:fs';

/** The version of the package this file belongs to: package.json lies two or three folders up (sources, compiled). */
export function packageVersion(): string {
  for (const up of ['../../package.json', '../../../package.json', '../../../../package.json']) {
    const version = versionIn(new URL(up, import.meta.url));
    if (version !== undefined) return version;
  }
  return 'unknown';
}

function versionIn(url: URL): string | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(url, 'utf8'));
    return typeof manifest === 'object' &&
      manifest !== null &&
      'name' in manifest &&
      manifest.name === 'tsbuild' &&
      'version' in manifest
      ? String(manifest.version)
      : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
