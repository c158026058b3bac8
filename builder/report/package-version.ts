import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The version in tsbuild's own package.json. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(fileURLToPath(import.meta.resolve('#package')), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  throw new Error('package.json has no version');
}
