import path from 'node:path';
import { canonicalHost, withHost } from '../address/host-name.ts';
import type { Environment } from '../config/proxy.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { inputText } from '../oci/files/input-file.ts';
import { trimEnd } from '../oci/text/trim-end.ts';
import { hasErrno, reasonOf } from '../oci/thrown.ts';
import type { CredentialOptions, Credentials } from './credentials.ts';

/** A docker `config.json` or containers `auth.json`. Keys are normalised to `host[:port][/path]`. */
export interface AuthFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, AuthEntry>;
  /** `credHelpers`: key to program name. */
  readonly helpers: ReadonlyMap<string, string>;
  /** `credsStore`: the program for all other hosts. */
  readonly store: string | undefined;
  /** The whole document, for writing it back with everything that is not ours. */
  readonly document: Readonly<Record<string, unknown>>;
}

interface AuthEntry {
  readonly credentials?: Credentials;
  /** Why the entry cannot be used. */
  readonly broken?: string;
}

/** The files in which credentials are looked up, first one first. (containers-auth.json(5)) */
export function authFilesToRead(options: Pick<CredentialOptions, 'authFile' | 'environment'>): readonly string[] {
  const { environment } = options;
  const only = options.authFile ?? value(environment, 'REGISTRY_AUTH_FILE');
  if (only !== undefined) return [only];
  const home = value(environment, 'HOME');
  const dockerFolder = value(environment, 'DOCKER_CONFIG') ?? (home && path.join(home, '.docker'));
  const files = [
    runtimeAuthFile(environment),
    configAuthFile(environment),
    dockerFolder && path.join(dockerFolder, 'config.json'),
    home && path.join(home, '.dockercfg'),
  ];
  return files.filter((file) => file !== undefined);
}

/**
 * The file that `login` writes: `--authfile`, REGISTRY_AUTH_FILE, Docker's where DOCKER_CONFIG is set, the runtime folder's as podman does,
 * else the one in the configuration folder, since ordinary users cannot make a folder in /run.
 */
export function authFileToWrite(options: Pick<CredentialOptions, 'authFile' | 'environment'>): string {
  const { environment } = options;
  const named = options.authFile ?? value(environment, 'REGISTRY_AUTH_FILE');
  const docker = value(environment, 'DOCKER_CONFIG');
  if (named !== undefined) return named;
  if (docker !== undefined) return path.join(docker, 'config.json');
  const hasRuntimeFolder = value(environment, 'XDG_RUNTIME_DIR') !== undefined || process.getuid?.() === 0;
  return (hasRuntimeFolder ? undefined : configAuthFile(environment)) ?? runtimeAuthFile(environment);
}

function configAuthFile(environment: Environment): string | undefined {
  const home = value(environment, 'HOME');
  const folder = value(environment, 'XDG_CONFIG_HOME') ?? (home && path.join(home, '.config'));
  return folder && path.join(folder, 'containers/auth.json');
}

function runtimeAuthFile(environment: Environment): string {
  const folder = value(environment, 'XDG_RUNTIME_DIR');
  if (folder !== undefined) return path.join(folder, 'containers/auth.json');
  return path.join('/run/containers', String(process.getuid?.() ?? 0), 'auth.json');
}

function value(environment: Environment, name: string): string | undefined {
  const text = environment[name];
  return text === undefined || text === '' ? undefined : text;
}

/** Reads an auth file; undefined when there is none. Errors never quote the file's content. */
export async function readAuthFile(file: string, signal?: AbortSignal): Promise<AuthFile | undefined> {
  const text = await readOptional(file, signal);
  if (text === undefined || text.trim() === '') return undefined;
  const document = objectOf(parseJson(text, file));
  // .dockercfg is what later became the value of "auths".
  const auths = path.basename(file) === '.dockercfg' ? document : objectOf(document['auths']);
  const store = document['credsStore'];
  return {
    path: file,
    entries: new Map(Object.entries(auths).map(([key, entry]) => [normaliseKey(key), entryOf(objectOf(entry))])),
    helpers: new Map(Object.entries(objectOf(document['credHelpers'])).flatMap(helperEntry)),
    store: typeof store === 'string' && store !== '' ? store : undefined,
    document,
  };
}

/** Hosts in their canonical form; `https://index.docker.io/v1/` and its like become what references call that host: `docker.io`. */
export function normaliseKey(key: string): string {
  const bare = key.replace(/^https?:\/\//i, '').replace(/\/v[12]\/?$/, '');
  return withHost(trimEnd(bare, '/'), canonicalHost);
}

async function readOptional(file: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    return await inputText(file, signal);
  } catch (error) {
    signal?.throwIfAborted();
    // Another user's runtime folder may be unreadable; what cannot be read holds nothing for us.
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined;
    throw new RegistryError('configuration', `Cannot read "${file}": ${reasonOf(error)}`, { side: 'client', cause: error });
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which holds passwords; so it is not kept as the cause either.
    throw new RegistryError('configuration', `Cannot read "${file}": it is not JSON`, { side: 'client' });
  }
}

function objectOf(document: unknown): Record<string, unknown> {
  return typeof document === 'object' && document !== null && !Array.isArray(document) ? { ...document } : {};
}

function helperEntry([key, name]: [string, unknown]): readonly [string, string][] {
  return typeof name === 'string' && name !== '' ? [[normaliseKey(key), name]] : [];
}

function entryOf(entry: Record<string, unknown>): AuthEntry {
  const { auth, username, password, identitytoken, registrytoken } = entry;
  if (isText(registrytoken)) return { credentials: { kind: 'registry-token', username: '', secret: registrytoken } };
  const pair = isText(auth) ? decodePair(auth) : undefined;
  if (isText(identitytoken)) {
    return { credentials: { kind: 'identity-token', username: pair?.username ?? '', secret: identitytoken } };
  }
  if (pair !== undefined) return { credentials: { kind: 'password', ...pair } };
  if (isText(auth)) return { broken: 'its "auth" is not a user and password in base64' };
  return isText(username) && isText(password) ? { credentials: { kind: 'password', username, secret: password } } : {};
}

function isText(field: unknown): field is string {
  return typeof field === 'string' && field !== '';
}

function decodePair(auth: string): { username: string; secret: string } | undefined {
  const text = trimEnd(Buffer.from(auth, 'base64').toString('utf8'), '\0');
  const colon = text.indexOf(':');
  if (colon < 1) return undefined;
  return { username: text.slice(0, colon), secret: text.slice(colon + 1) };
}
