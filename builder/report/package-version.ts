import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** The version in tsbuild's own package.json. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('#package'), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  throw new Error('package.json has no version');
}
