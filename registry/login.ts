import { randomUUID } from 'node:crypto';
import { mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { authFileToWrite, normaliseKey, readAuthFile } from './auth/auth-file.ts';
import { eraseFromHelper, storeInHelper } from './auth/credential-helper.ts';
import type { CredentialOptions } from './auth/credentials.ts';
import { serverKey } from './auth/find-credentials.ts';
import type { RegistryClient } from './distribution/client.ts';
import { RegistryError } from './errors/registry-error.ts';
import { reasonOf } from './oci/thrown.ts';

/** Where credentials were kept, for the message after a login. */
export interface LoginResult {
  readonly host: string;
  /** The auth file, or `docker-credential-<name>`. */
  readonly keptIn: string;
}

/**
 * Tries user and password at the registry, then keeps them: in the helper that the auth file names, else in the file itself (0600, replaced
 * by rename). `registry` is a host, or host/namespace.
 *
 * @throws RegistryError; nothing is kept when the registry refuses
 */
export async function login(
  registry: string,
  password: { readonly username: string; readonly secret: string },
  options: CredentialOptions & { readonly client: RegistryClient },
): Promise<LoginResult> {
  const key = checkedKey(registry);
  const host = key.split('/')[0] ?? key;
  await options.client.verifyCredentials(host, { kind: 'password', ...password }, options.signal);
  const file = authFileToWrite(options);
  const helper = await helperFor(file, key);
  if (helper !== undefined) {
    await storeInHelper(helper, { server: serverKey(key), ...password }, options);
    return { host, keptIn: `docker-credential-${helper}` };
  }
  await editAuths(file, (auths) => ({ ...withoutKey(auths, key), [fileKey(key)]: { auth: encodePair(password) } }));
  return { host, keptIn: file };
}

/** Forgets the credentials for a registry. False when none were kept. */
export async function logout(registry: string, options: CredentialOptions): Promise<boolean> {
  const key = checkedKey(registry);
  const file = authFileToWrite(options);
  const helper = await helperFor(file, key);
  const isErased = helper !== undefined && (await eraseFromHelper(helper, serverKey(key), options));
  const known = await readAuthFile(file);
  if (known?.entries.has(key) !== true) return isErased;
  await editAuths(file, (auths) => withoutKey(auths, key));
  return true;
}

/** The registries, or namespaces of them, whose credentials are in the file that login() writes. */
export async function signedIn(options: CredentialOptions): Promise<readonly string[]> {
  return [...((await readAuthFile(authFileToWrite(options)))?.entries.keys() ?? [])];
}

function checkedKey(registry: string): string {
  const key = normaliseKey(registry.trim());
  if (/^[\w.[\]:-]+(\/[\w./-]+)?$/.test(key)) return key;
  throw new RegistryError('reference-invalid', `Cannot sign in to "${registry}": it is not the name of a registry`, {
    side: 'client',
    hint: 'Write it as host[:port], or host[:port]/namespace',
  });
}

async function helperFor(authFile: string, key: string): Promise<string | undefined> {
  const file = await readAuthFile(authFile);
  return file?.helpers.get(key) ?? file?.helpers.get(key.split('/')[0] ?? key) ?? file?.store;
}

function fileKey(key: string): string {
  return key === 'docker.io' ? serverKey(key) : key;
}

function withoutKey(auths: Readonly<Record<string, unknown>>, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(auths).filter(([name]) => normaliseKey(name) !== key));
}

function encodePair({ username, secret }: { username: string; secret: string }): string {
  return Buffer.from(`${username}:${secret}`).toString('base64');
}

type Auths = Readonly<Record<string, unknown>>;

async function editAuths(file: string, edit: (auths: Auths) => Auths): Promise<void> {
  const document = (await readAuthFile(file))?.document ?? {};
  const auths = document['auths'];
  const known = typeof auths === 'object' && auths !== null ? { ...auths } : {};
  await writePrivately(file, `${JSON.stringify({ ...document, auths: edit(known) }, undefined, '\t')}\n`);
}

/** Temp, sync, rename; readable by the owner alone from its first byte. A file behind a link stays there, as docker leaves it. */
async function writePrivately(named: string, text: string): Promise<void> {
  const file = await placeOf(named);
  const temporary = `${file}.${randomUUID()}`;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await using handle = await open(temporary, 'wx', 0o600);
    await handle.writeFile(text);
    await handle.sync();
    await rename(temporary, file);
  } catch (error) {
    const hint = 'Choose another file with --authfile or REGISTRY_AUTH_FILE';
    throw new RegistryError('configuration', `Cannot write "${file}": ${reasonOf(error)}`, {
      side: 'client',
      hint,
      cause: error,
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

async function placeOf(file: string): Promise<string> {
  const place = await realpath(file).catch(() => undefined);
  if (place === undefined || (await stat(place)).isFile()) return place ?? file;
  throw new RegistryError('configuration', `Cannot write "${file}": it is not a file`, {
    side: 'client',
    hint: 'Choose another file with --authfile or REGISTRY_AUTH_FILE',
  });
}
