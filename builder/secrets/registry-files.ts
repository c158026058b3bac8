import { checkReadable } from './readable-file.ts';

/** What options name for speaking to registries. */
export interface RegistryFiles {
  readonly authFile?: string | undefined;
  readonly certDirectory?: string | undefined;
}

/** @throws UsageError for `--authfile` and `--cert-dir` that are not there, or cannot be read */
export async function checkRegistryFiles({ authFile, certDirectory }: RegistryFiles): Promise<void> {
  if (authFile !== undefined) await checkReadable('--authfile', authFile, { kind: 'file' });
  if (certDirectory !== undefined) await checkReadable('--cert-dir', certDirectory, { kind: 'folder' });
}
