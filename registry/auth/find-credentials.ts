import { canonicalHost, withHost } from '../address/host-name.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { type AuthFile, authFilesToRead, readAuthFile } from './auth-file.ts';
import { askHelper } from './credential-helper.ts';
import type { CredentialOptions, Credentials } from './credentials.ts';

/** The key under which Docker keeps the credentials of Docker Hub. */
const dockerHubKey = 'https://index.docker.io/v1/';

/**
 * The credentials for a repository (`host[:port]/name`), from the first auth file that has some; the most specific prefix wins inside a
 * file, and there a helper for the host goes before stored ones. undefined: anonymous. (containers-auth.json(5), docker-login(1))
 */
export async function findCredentials(repository: string, options: CredentialOptions): Promise<Credentials | undefined> {
  for (const path of authFilesToRead(options)) {
    const file = await readAuthFile(path, options.signal);
    const found = file === undefined ? undefined : await credentialsIn(file, repository, options);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function credentialsIn(file: AuthFile, repository: string, options: CredentialOptions): Promise<Credentials | undefined> {
  const host = repository.split('/')[0] ?? repository;
  const helper = keysFor(repository)
    .map((key) => file.helpers.get(key))
    .find((name) => name !== undefined);
  if (helper !== undefined) return askHelper(helper, serverKey(host), options);
  const kept = file.store === undefined ? undefined : await askStore(file.store, serverKey(host), options);
  return kept ?? storedIn(file, repository);
}

/** The program for all hosts is often named by a file that came from another machine; so a missing one is told, and no failure. */
async function askStore(store: string, server: string, options: CredentialOptions): Promise<Credentials | undefined> {
  try {
    return await askHelper(store, server, options);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    options.onNotice?.(error.message);
    return undefined;
  }
}

function storedIn(file: AuthFile, repository: string): Credentials | undefined {
  for (const key of keysFor(repository)) {
    const entry = file.entries.get(key);
    if (entry === undefined) continue;
    if (entry.broken !== undefined) {
      const message = `Cannot read the credentials for "${key}" in "${file.path}": ${entry.broken}`;
      throw new RegistryError('credentials', message, { side: 'client', hint: `Sign in again with: tsbuild login ${key}` });
    }
    if (entry.credentials !== undefined) return entry.credentials;
  }
  return undefined;
}

/** The names under which a repository's credentials may be: itself, its parents, its host. */
function keysFor(repository: string): readonly string[] {
  const parts = withHost(repository, canonicalHost).split('/');
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
}

/** What programs know a host by. */
export function serverKey(host: string): string {
  return host === 'docker.io' ? dockerHubKey : host;
}
