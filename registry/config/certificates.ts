import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { RegistryError } from '../errors/registry-error.ts';
import { inputText } from '../oci/files/input-file.ts';
import { hasErrno, reasonOf } from '../oci/thrown.ts';
import type { Environment } from './proxy.ts';

/** What a TLS connection to one host is made with. */
export interface TlsSettings {
  /** PEM texts; undefined: those that Node knows. */
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

export interface CertificateOptions {
  readonly environment: Environment;
  /** `--cert-dir`: used instead of the folders below certs.d. */
  readonly certDirectory?: string | undefined;
  /** Ends waiting for a pipe among the files. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Certificate authorities and the client certificate for a host. `*.crt` files are authorities, `x.cert` with `x.key` is a client certificate.
 * Folders: `--cert-dir`, else `<folder>/<host[:port]>` of each certs.d. (containers-certs.d(5)) Narrow: the authorities of the folder and of
 * SSL_CERT_FILE, else those that Node has built in, which costs nothing. Wide: all of them and the system's, which takes tens of milliseconds to
 * read, so it is for hosts that the narrow ones do not know.
 */
export async function tlsSettingsFor(
  host: string,
  breadth: 'narrow' | 'wide',
  options: CertificateOptions,
): Promise<TlsSettings> {
  const found = (await firstFolder(foldersFor(host, options), options.signal)) ?? {};
  const ca = [...(found.ca ?? []), ...(await authoritiesFor(breadth, options))];
  return ca.length === 0 ? found : { ...found, ca };
}

/** The authorities of tlsSettingsFor() that vouch for any host, and so for a proxy. None: those that Node has built in. */
export async function authoritiesFor(
  breadth: 'narrow' | 'wide',
  { environment, signal }: CertificateOptions,
): Promise<readonly string[]> {
  const named = await namedAuthorities(environment, signal);
  return breadth === 'narrow' ? named : [...named, ...rootCertificates, ...(await systemAuthorities(environment))];
}

async function firstFolder(folders: readonly string[], signal: AbortSignal | undefined): Promise<TlsSettings | undefined> {
  for (const folder of folders) {
    const found = await readFolder(folder, signal);
    if (found !== undefined) return found;
  }
  return undefined;
}

function foldersFor(host: string, { certDirectory, environment }: CertificateOptions): readonly string[] {
  if (certDirectory !== undefined) return [certDirectory];
  const home = environment['HOME'];
  const own = home === undefined || home === '' ? [] : [path.join(home, '.config/containers/certs.d', host)];
  return [...own, path.join('/etc/containers/certs.d', host), path.join('/etc/docker/certs.d', host)];
}

async function readFolder(folder: string, signal: AbortSignal | undefined): Promise<TlsSettings | undefined> {
  const names = await namesIn(folder);
  if (names === undefined) return undefined;
  const ca = await Promise.all(
    names.filter((name) => name.endsWith('.crt')).map((name) => readText(path.join(folder, name), signal)),
  );
  const certName = names.find((name) => name.endsWith('.cert'));
  const client = certName === undefined ? {} : await readPair(folder, certName, { names, signal });
  return { ...(ca.length === 0 ? {} : { ca }), ...client };
}

async function namesIn(folder: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    // Folders that are not there, and those of others that an ordinary user may not read, say nothing about this host.
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined;
    throw error;
  }
}

async function readPair(
  folder: string,
  certName: string,
  { names, signal }: { readonly names: readonly string[]; readonly signal: AbortSignal | undefined },
): Promise<{ cert: string; key: string }> {
  const keyName = certName.replace(/\.cert$/, '.key');
  if (!names.includes(keyName)) {
    throw new RegistryError(
      'configuration',
      `Cannot use client certificate "${path.join(folder, certName)}": there is no ${keyName}`,
      {
        side: 'client',
        hint: `Put the key beside it as ${keyName}; certificate authorities end in .crt, not .cert`,
      },
    );
  }
  return { cert: await readText(path.join(folder, certName), signal), key: await readText(path.join(folder, keyName), signal) };
}

async function readText(file: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await inputText(file, signal);
  } catch (error) {
    signal?.throwIfAborted();
    const message = `Cannot read certificate "${file}": ${reasonOf(error)}`;
    throw new RegistryError('configuration', message, { side: 'client', cause: error });
  }
}

/** Where distributions keep the authorities that the machine trusts, most common first. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** The files that the environment names. */
async function namedAuthorities(environment: Environment, signal: AbortSignal | undefined): Promise<readonly string[]> {
  const files = [environment['SSL_CERT_FILE'], environment['NODE_EXTRA_CA_CERTS']];
  return Promise.all(files.filter((file) => file !== undefined && file !== '').map((file) => readText(file ?? '', signal)));
}

/** Authorities that a company adds to its machines; Node by itself looks only at its own list. SSL_CERT_FILE takes their place. */
async function systemAuthorities(environment: Environment): Promise<readonly string[]> {
  if (environment['SSL_CERT_FILE'] !== undefined) return [];
  for (const file of systemBundles) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return [text];
  }
  return [];
}
