import { open } from 'node:fs/promises';
import type { Confinement, SeccompProfile } from '../../executor/protocol/confinement.ts';
import { DocumentError } from '../../registry/oci/json.ts';
import { UsageError } from '../contract/errors.ts';
import type { ConfinementSettings } from '../settings/confinement/confinement-settings.ts';
import { systemReason } from '../show/system-reason.ts';
import { readSeccompProfile } from './seccomp-profile.ts';

/** How the commands of a build are confined, where that is not as usual. @throws UsageError for a profile that cannot be read */
export async function givenConfinement({ seccomp, others }: ConfinementSettings): Promise<Confinement | undefined> {
  const profile = typeof seccomp === 'string' ? seccomp : await readProfile(seccomp.path);
  const confinement = { ...others, ...(profile !== 'usual' && { seccomp: profile }) };
  return Object.keys(confinement).length === 0 ? undefined : confinement;
}

/** Those of docker and podman have 20 kB. */
const limitBytes = 1024 * 1024;

async function readProfile(path: string): Promise<SeccompProfile> {
  const refused = (why: string, cause: unknown): UsageError =>
    new UsageError('--security-opt', `Cannot use the seccomp profile "${path}": ${why}`, { cause });
  try {
    return readSeccompProfile(await textOf(path));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw refused(error instanceof DocumentError ? error.message : systemReason(error), error);
  }
}

async function textOf(path: string): Promise<string> {
  await using file = await open(path);
  const bytes = Buffer.alloc(limitBytes + 1);
  let size = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, size, bytes.length - size);
    size += bytesRead;
    if (size > limitBytes) throw new DocumentError('it is larger than 1 MiB');
    if (bytesRead === 0) return decoded(bytes.subarray(0, size));
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new DocumentError('it is not text in UTF-8');
  }
}
