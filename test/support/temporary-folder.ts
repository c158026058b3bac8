import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A fresh folder, removed when it is disposed. */
export interface TemporaryFolder extends Disposable {
  readonly path: string;
  /** A path inside. */
  at(...names: readonly string[]): string;
}

/** Makes a folder under the system's folder for temporary files. */
export function temporaryFolder(purpose = 'test'): TemporaryFolder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `tsbuild-${purpose}-`)));
  return {
    path,
    at: (...names) => join(path, ...names),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
