import { inputBytes } from '../../registry/oci/files/input-file.ts';
import { ownValue } from '../../registry/oci/own-value.ts';
import { UsageError } from '../contract/errors.ts';
import type { BuildOptions } from '../contract/options.ts';
import { systemReason } from '../show/system-reason.ts';
import { checkReadable } from './readable-file.ts';

/** The value of a `--secret`, read now; undefined when none was given under the id. @throws UsageError when it cannot be read */
export async function secretValue(
  id: string,
  { secrets = {}, environment = {}, signal }: Pick<BuildOptions, 'secrets' | 'environment' | 'signal'>,
): Promise<Buffer | undefined> {
  const source = ownValue(secrets, id);
  if (source === undefined) return undefined;
  if (source.kind === 'file') return readSecretFile(id, source.path, signal);
  const value = ownValue(environment, source.name);
  if (value !== undefined) return Buffer.from(value);
  throw new UsageError('--secret', `Cannot read secret "${id}": the variable ${source.name} is not set`);
}

/** @throws UsageError when secretValue() could not read the secret */
export async function checkSecret(id: string, options: Pick<BuildOptions, 'secrets' | 'environment' | 'signal'>): Promise<void> {
  const source = options.secrets?.[id];
  if (source?.kind === 'file') {
    await checkReadable('--secret', source.path, { kind: 'file', what: `secret "${id}" from "${source.path}"` });
  }
  // What the environment holds is there already.
  else await secretValue(id, options);
}

/** The first line of a secret that goes into a header, where a line feed would begin another; undefined when it is empty. */
export function secretLine(secret: Buffer | undefined): string | undefined {
  const line = secret
    ?.toString('utf8')
    .trim()
    .split(/[\r\n]/)[0];
  return line === '' ? undefined : line;
}

async function readSecretFile(id: string, file: string, signal: AbortSignal | undefined): Promise<Buffer> {
  try {
    return await inputBytes(file, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw new UsageError('--secret', `Cannot read secret "${id}" from "${file}": ${systemReason(error)}`, { cause: error });
  }
}
