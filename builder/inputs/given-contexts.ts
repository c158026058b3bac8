import { stat } from 'node:fs/promises';
import { RegistryError } from '../../registry/errors/registry-error.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { UsageError } from '../contract/errors.ts';
import type { ContextLocation } from '../settings/context-location.ts';
import type { Settings } from '../settings/settings.ts';
import { systemReason } from '../show/system-reason.ts';

type NamedContexts = Pick<Settings, 'namedContexts'>;

/** Its files are looked at when a step asks for them. @throws UsageError for a named context that is to be a folder of this machine, and is none */
export async function checkNamedFolders({ namedContexts }: NamedContexts): Promise<void> {
  for (const [name, location] of namedContexts) {
    if (location.kind !== 'directory') continue;
    const why = await troubleWithFolder(location.path);
    if (why === undefined) continue;
    throw new UsageError('--build-context', `Cannot use context "${name}" from "${location.path}": ${why}`, {
      hint: 'Check --build-context: a folder is named as seen from where you are, not from the context',
    });
  }
}

/** @throws RegistryError for a named context that is to be a layout or an archive of this machine, where nothing is, or an image of no name */
export async function checkNamedImages({ namedContexts }: NamedContexts): Promise<void> {
  for (const [name, location] of namedContexts) {
    try {
      await checkImagePlace(location);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const hint = error.hint ?? `Check --build-context ${name}`;
      throw new RegistryError(error.code, error.message, { side: error.side, cause: error.cause, hint });
    }
  }
}

async function checkImagePlace(location: ContextLocation): Promise<void> {
  switch (location.kind) {
    case 'oci-layout':
    case 'oci-archive':
    case 'docker-archive': {
      const { parseLocation } = await import('../../registry/local/location.ts');
      await parseLocation(location.location, location.kind);
      return;
    }
    case 'image': {
      if (location.reference === 'scratch') return;
      const { parseReference } = await import('../../registry/address/reference.ts');
      parseReference(location.reference);
      return;
    }
    case 'directory':
    case 'git':
    case 'http':
    case 'stdin':
      return;
    default:
      return unreachable(location);
  }
}

async function troubleWithFolder(path: string): Promise<string | undefined> {
  try {
    return (await stat(path)).isDirectory() ? undefined : 'it is not a folder';
  } catch (error) {
    return systemReason(error);
  }
}
