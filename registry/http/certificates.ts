import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { codeOf, RegistryError, reasonOf } from '../errors.ts';
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
}

/**
 * Certificate authorities and the client certificate for a host. `*.crt` files are authorities, added to the system's; `x.cert` with
 * `x.key` is a client certificate. Folders: `--cert-dir`, else `<folder>/<host[:port]>` of each certs.d. (containers-certs.d(5))
 */
export async function tlsSettingsFor(host: string, options: CertificateOptions): Promise<TlsSettings> {
  const system = await systemAuthorities(options.environment);
  for (const folder of foldersFor(host, options)) {
    const found = await readFolder(folder);
    if (found !== undefined) return { ...found, ...authorities([...system, ...(found.ca ?? [])]) };
  }
  return authorities(system);
}

function authorities(extra: readonly string[]): { ca?: readonly string[] } {
  // Given authorities replace Node's own, so those are added; without extra ones the default store is faster.
  return extra.length === 0 ? {} : { ca: [...rootCertificates, ...extra] };
}

function foldersFor(host: string, { certDirectory, environment }: CertificateOptions): readonly string[] {
  if (certDirectory !== undefined) return [certDirectory];
  const home = environment['HOME'];
  const own = home === undefined || home === '' ? [] : [path.join(home, '.config/containers/certs.d', host)];
  return [...own, path.join('/etc/containers/certs.d', host), path.join('/etc/docker/certs.d', host)];
}

async function readFolder(folder: string): Promise<TlsSettings | undefined> {
  const names = await namesIn(folder);
  if (names === undefined) return undefined;
  const ca = await Promise.all(names.filter((name) => name.endsWith('.crt')).map((name) => readText(path.join(folder, name))));
  const certName = names.find((name) => name.endsWith('.cert'));
  const client = certName === undefined ? {} : await readPair(folder, certName, names);
  return { ...(ca.length === 0 ? {} : { ca }), ...client };
}

async function namesIn(folder: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    // Folders that are not there, and those of others that an ordinary user may not read, say nothing about this host.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

async function readPair(folder: string, certName: string, names: readonly string[]): Promise<{ cert: string; key: string }> {
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
  return { cert: await readText(path.join(folder, certName)), key: await readText(path.join(folder, keyName)) };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
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

/** Authorities that a company adds to its machines; Node by itself looks only at its own list. */
async function systemAuthorities(environment: Environment): Promise<readonly string[]> {
  const named = [environment['SSL_CERT_FILE'], environment['NODE_EXTRA_CA_CERTS']].filter(
    (file) => file !== undefined && file !== '',
  );
  const bundles = environment['SSL_CERT_FILE'] === undefined ? systemBundles : [];
  const texts: string[] = [];
  for (const file of named) texts.push(await readText(file ?? ''));
  for (const file of bundles) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return [...texts, text];
  }
  return texts;
}
