import type { BuildOptions } from '../contract/options.ts';
import { checkReadable } from './readable-file.ts';
import { checkSecret } from './secret-value.ts';

/** What options name for speaking to registries. */
export interface RegistryFiles {
  readonly authFile?: string | undefined;
  readonly certDirectory?: string | undefined;
}

/**
 * Looks at all that options name besides contexts, before anything is done: secrets, agents and keys, credentials, certificates. What is only
 * missed when a step asks for it is missed after an hour, and credentials that are not there look like credentials that are wrong. Throws
 * UsageError.
 */
export async function checkGivenFiles(options: BuildOptions): Promise<void> {
  const { secrets = {}, ssh = {}, environment = process.env } = options;
  await checkRegistryFiles(options);
  for (const id of Object.keys(secrets)) await checkSecret(id, { secrets, environment });
  if (Object.keys(ssh).length === 0) return;
  const { checkAgent } = await import('./ssh-agent.ts');
  for (const source of Object.values(ssh)) await checkAgent({ source, callerSocket: environment['SSH_AUTH_SOCK'] });
}

/** Throws UsageError for `--authfile` and `--cert-dir` that are not there, or cannot be read. */
export async function checkRegistryFiles({ authFile, certDirectory }: RegistryFiles): Promise<void> {
  if (authFile !== undefined) await checkReadable('--authfile', authFile, { kind: 'file' });
  if (certDirectory !== undefined) await checkReadable('--cert-dir', certDirectory, { kind: 'folder' });
}
